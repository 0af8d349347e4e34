import pytest

from server import Server


@pytest.fixture(scope="session")
def server(tmp_path_factory):
    server = Server(tmp_path_factory.mktemp("server"))
    yield server
    server.close()


@pytest.fixture(scope="session")
def desk(server):
    return server.desk("G2004")


@pytest.fixture(scope="session")
def supervisor(server):
    return server.desk("G3001")
