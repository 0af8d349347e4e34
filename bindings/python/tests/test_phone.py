"""A phone screen's life against the real server."""

import asyncio
import datetime
import gc
import hashlib
import uuid

import gongdan
import pytest
from gongdan import Command, Field, Filter, OutboxState, PhoneError, Secret, Status, Value

from host import FileKeyStore, HttpTransport


class Recorder(gongdan.Observer):
    def __init__(self):
        self.tickets = []

    def changed(self, tickets):
        self.tickets.extend(tickets)


class Network(gongdan.Transport):
    """A network that can be off, and remembers what it moved."""

    def __init__(self, server):
        self.http = HttpTransport(server)
        self.on = True
        self.moved = []

    async def send(self, request):
        if not self.on:
            raise OSError("no network")
        self.moved.append(request)
        return await self.http.send(request)


@pytest.fixture
def network(server):
    return Network(server.url)


@pytest.fixture
def key_store(tmp_path):
    return FileKeyStore(tmp_path / "key")


@pytest.fixture
def phone(server, network, key_store, tmp_path):
    return enrol(server, network, key_store, tmp_path, "G4001")


def enrol(server, network, key_store, folder, person):
    invitation = gongdan.parse_invitation(server.invite(person))
    path = str(folder / "phone.db")
    phone = gongdan.Phone.enrol_with(path, network, invitation.code, "测试手机", key_store)
    return asyncio.run(phone)


def sync(phone, network):
    return asyncio.run(phone.sync(network))


def given_ticket(desk, phone, network, person="G4001", **facts):
    """A ticket that the desk opened and assigned, on the phone."""
    ticket = desk.open("空调不制冷", **facts)
    desk.assign(ticket, person)
    sync(phone, network)
    return ticket


def act(phone, ticket, *commands):
    view = phone.ticket(ticket)
    phone.execute(ticket, view.heads, list(commands))


def test_a_screens_life(server, desk, key_store, tmp_path):
    path = str(tmp_path / "phone.db")
    scanned = server.invite("G4001")
    observer = Recorder()

    async def first_start():
        # guide: enrol
        invitation = gongdan.parse_invitation(scanned)
        transport = HttpTransport(invitation.server)
        phone = await gongdan.Phone.enrol_with(
            path, transport, invitation.code, "陆河川的手机", key_store, observer
        )
        report = await phone.sync(transport)
        # guide: end
        return transport, phone, report

    ticket = desk.open("开机十分钟后不制冷", model="KFR-26GW")
    desk.assign(ticket, "G4001")
    transport, phone, report = asyncio.run(first_start())
    assert report.complete and ticket in report.changed and ticket in observer.tickets
    del phone

    # guide: open
    phone = gongdan.Phone.open(path, key_store, observer)
    # guide: end
    assert phone.person() == "G4001"
    assert {line.code for line in phone.catalogue().product_lines} == {"aircon", "purifier", "compressor", "lock"}

    # guide: list
    rows = phone.list(Filter(query="制冷", statuses=[Status.ASSIGNED, Status.ACCEPTED], limit=50))
    for row in rows:
        print(row.label, row.status.name, row.customer_name, row.problem)
    # guide: end
    assert ticket in [row.id for row in rows]
    assert next(row for row in rows if row.id == ticket).label.startswith("FW")

    # guide: ticket
    view = phone.ticket(ticket)
    model = view.ticket.fields.get(Field.MODEL)
    catalogue = phone.catalogue()
    line = view.ticket.fields[Field.PRODUCT_LINE]
    checklist_code = next(l.checklist for l in catalogue.product_lines if l.code == line[0])
    checklist = next(c for c in catalogue.checklists if c.code == checklist_code)
    # guide: end
    assert model == Value.TEXT("KFR-26GW") and len(checklist.items) == 12

    # guide: execute
    start = datetime.datetime.now(datetime.timezone.utc).replace(minute=0, second=0, microsecond=0)
    appoint = Command.APPOINT(start + datetime.timedelta(hours=1), start + datetime.timedelta(hours=3))
    phone.execute(ticket, view.heads, [appoint])
    # guide: end
    after = phone.ticket(ticket).ticket
    assert after.status == Status.APPOINTED
    assert after.fields[Field.APPOINTED_FROM] == Value.INSTANT(start + datetime.timedelta(hours=1))
    assert observer.tickets[-1] == ticket

    asyncio.run(phone.sync(transport))
    assert desk.ticket(ticket)["status"] == "appointed"


def test_a_ticket_opened_without_network_gets_its_number_by_a_sync(desk, phone, network):
    sync(phone, network)
    network.on = False
    # guide: open-ticket
    ticket = phone.open_ticket(
        [
            Command.OPEN(
                [
                    gongdan.FieldValue(field=Field.TICKET_TYPE, value=Value.TEXT("repair")),
                    gongdan.FieldValue(field=Field.REGION, value=Value.TEXT("east")),
                ],
                "滤芯漏水",
            ),
            Command.RECORD_CUSTOMER([gongdan.FieldValue(field=Field.CUSTOMER_NAME, value=Value.TEXT("穆清扬"))]),
        ]
    )
    # guide: end
    assert phone.ticket(ticket).ticket.label.startswith("临")
    network.on = True
    assert sync(phone, network).complete
    assert phone.ticket(ticket).ticket.number.startswith("FW")
    assert desk.ticket(ticket)["problem"] == "滤芯漏水"


def test_rival_values_are_seen_and_settled(desk, phone, network):
    ticket = given_ticket(desk, phone, network, model="KFR-35GW")
    view = phone.ticket(ticket)
    desk.execute(ticket, {"correct": {"field": "model", "value": "KFR-35GW/N1"}})
    phone.execute(ticket, view.heads, [Command.CORRECT(Field.MODEL, Value.TEXT("KFR-35GW/BP2"))])
    sync(phone, network)

    # guide: conflicts
    view = phone.ticket(ticket)
    for conflict in view.ticket.conflicts:
        for candidate in conflict.candidates:
            print(conflict.on, candidate.value, view.authors.get(candidate.actor), candidate.at)
    # guide: end
    (conflict,) = view.ticket.conflicts
    assert {c.value[0] for c in conflict.candidates} == {"KFR-35GW/N1", "KFR-35GW/BP2"}
    assert {view.authors[c.actor] for c in conflict.candidates} == {"G4001", "G2004"}

    # guide: settle
    chosen = conflict.candidates[0].value
    phone.execute(ticket, view.heads, [Command.SETTLE_CONFLICT(conflict.on, chosen)])
    # guide: end
    assert phone.ticket(ticket).ticket.conflicts == []
    sync(phone, network)
    assert desk.ticket(ticket)["conflicts"] == []


def test_what_the_office_must_decide_stays_in_the_outbox(desk, phone, network):
    ticket = given_ticket(desk, phone, network)
    act(phone, ticket, Command.ACCEPT())
    sync(phone, network)
    network.on = False
    act(phone, ticket, Command.COMPLETE("已修好"))
    assert phone.outbox_counts().pending == 1
    desk.assign(ticket, "G4002")
    network.on = True
    report = sync(phone, network)
    assert report.unsettled == 1

    # guide: outbox
    for item in phone.outbox():
        print(item.id, item.state.name, item.ticket, item.at, item.verdict)
    counts = phone.outbox_counts()
    to_send = counts.pending + counts.in_flight + counts.held
    # guide: end
    assert (to_send, counts.quarantined, counts.refused) == (0, 1, 0)
    (item,) = phone.outbox()
    assert item.state == OutboxState.QUARANTINED and item.ticket == ticket
    assert item.command == Command.COMPLETE("已修好")
    assert item.verdict.is_quarantined() and item.verdict.reason == gongdan.QuarantineReason.REASSIGNED
    assert not phone.dismiss(item.id), "a person in the office decides"
    assert phone.outbox() == [item]


def test_what_cannot_be_done_says_why_and_writes_nothing(desk, phone, network):
    ticket = given_ticket(desk, phone, network)
    view = phone.ticket(ticket)

    def fails(kind, *commands, on=ticket, seen=view.heads):
        with pytest.raises(kind) as failure:
            phone.execute(on, seen, list(commands))
        return failure.value

    assert fails(PhoneError.Denied, Command.CANCEL("不做了")).code == "no_role"
    not_lawful = fails(PhoneError.NotLawful, Command.RESUME())
    assert (not_lawful.action, not_lawful.status) == (gongdan.Action.RESUME, Status.ASSIGNED)
    unfit = fails(PhoneError.Unfit, Command.CORRECT(Field.MODEL, Value.TEXT("工" * 201)))
    assert unfit.code == "misfit"
    assert unfit.why.misfit == gongdan.Misfit.TOO_LONG
    assert unfit.why.subject == gongdan.Subject.FIELD(Field.MODEL)
    assert fails(PhoneError.Unfit, Command.ACCEPT(), Command.DEPART()).code == "not_an_act"
    fails(PhoneError.NoSuchTicket, Command.ACCEPT(), on=str(uuid.uuid4()), seen={})
    fails(PhoneError.Stale, Command.ACCEPT(), seen={gongdan.Part.SERVICE: [hashlib.sha256(b"").hexdigest()]})
    assert phone.outbox() == [] and phone.ticket(ticket) == view

    with pytest.raises(PhoneError.Unfit) as failure:
        gongdan.parse_ticket_id("FW202611220001")
    assert failure.value.code == "invalid_id"
    assert gongdan.parse_ticket_id(f" {ticket} ") == ticket
    assert phone.ticket(str(uuid.uuid4())) is None


def test_errors_are_shown_by_their_codes(desk, phone, network):
    ticket = given_ticket(desk, phone, network)
    view = phone.ticket(ticket)
    shown = []

    def show(key):
        shown.append(key)

    # guide: errors
    try:
        phone.execute(ticket, view.heads, [Command.CANCEL("不做了")])
    except PhoneError.NotLawful as error:
        show(f"not_lawful.{error.action.name}.{error.status.name}")
    except (PhoneError.Denied, PhoneError.Unfit, PhoneError.Store, PhoneError.Key) as error:
        show(f"{type(error).__name__}.{error.code}")
    except PhoneError.Stale:
        view = phone.ticket(ticket)
        show("stale")
    # guide: end
    assert shown == ["Denied.no_role"]


def test_transfers_in_the_background_are_cut_off_and_made_again(desk, phone, network, server):
    ticket = given_ticket(desk, phone, network)
    act(phone, ticket, Command.ACCEPT())
    lost = phone.next_request()
    assert phone.outbox_counts().in_flight == 1
    asyncio.run(network.send(lost))  # the server has it, the phone never hears

    async def background():
        transport = HttpTransport(server.url)
        # guide: background
        outcome = None
        while outcome is None or outcome.more:
            request = phone.next_request()
            response = await transport.send(request)
            outcome = phone.receive(response)
        # guide: end

    asyncio.run(background())
    assert phone.outbox() == []
    assert desk.ticket(ticket)["status"] == "accepted"
    late = gongdan.Response(status=200, body=b"GD")
    with pytest.raises(PhoneError.Answer):
        phone.receive(late)


def test_no_network_is_told_and_loses_nothing(desk, phone, network):
    ticket = given_ticket(desk, phone, network)
    network.on = False
    act(phone, ticket, Command.ACCEPT())
    with pytest.raises(PhoneError.Network):
        sync(phone, network)
    assert phone.outbox_counts().in_flight == 1
    network.on = True
    assert sync(phone, network).complete
    assert phone.outbox() == []


def test_two_syncs_at_once_wait_for_one_another(desk, phone, network):
    ticket = given_ticket(desk, phone, network)
    act(phone, ticket, Command.ACCEPT())

    async def both():
        return await asyncio.gather(phone.sync(network), phone.sync(network))

    first, second = asyncio.run(both())
    assert first.complete and second.complete
    assert desk.ticket(ticket)["status"] == "accepted"


def test_spelling_out_asks_for_everything_again(desk, phone, network):
    ticket = given_ticket(desk, phone, network)
    small = sync(phone, network)
    phone.spell_out()
    full = sync(phone, network)
    assert full.complete and full.received_bytes > small.received_bytes
    assert phone.ticket(ticket).ticket.status == Status.ASSIGNED


def test_a_token_for_attachments_is_had_by_a_signed_request(phone, network):
    # guide: token
    authorization = phone.sign_request("POST", "/v1/token", b"")
    # guide: end
    request = gongdan.Request(
        method="POST", path="/v1/token", authorization=authorization, content_type="application/json", body=b""
    )
    answer = asyncio.run(network.send(request))
    assert answer.status == 200 and b"token" in answer.body
    request.path = "/v1/sync"
    assert asyncio.run(network.send(request)).status == 401


def test_photos_are_kept_until_the_server_has_them(desk, phone, network, tmp_path):
    ticket = given_ticket(desk, phone, network)
    photo = b"\xff\xd8" + bytes(range(256)) * 4096
    name = phone.add_blob(ticket, "image/jpeg", photo)
    assert name == hashlib.sha256(photo).hexdigest()
    assert phone.add_blob(ticket, "image/jpeg", photo) == name
    unsent = phone.unsent_blobs()
    assert [(blob.hash, blob.bytes, blob.ticket) for blob in unsent] == [(name, len(photo), ticket)]
    pieces = [phone.read_blob(name, at, 100_000) for at in range(0, len(photo), 100_000)]
    assert b"".join(pieces) == photo
    assert not phone.drop_blob(name) and phone.unsent_blobs() == unsent
    for file in tmp_path.glob("phone.db*"):
        assert photo[:64] not in file.read_bytes()
    phone.mark_blob_sent(name)
    assert phone.unsent_blobs() == [] and phone.drop_blob(name)
    assert phone.read_blob(name, 0, 1) is None


def drawn():
    points = [gongdan.InkPoint(x=1_000 + 90 * n, y=5_000 + (n * n * 37) % 2_000, millis=8 * n, pressure=None)
              for n in range(200)]
    return gongdan.Ink(width=32_000, height=16_000, strokes=[points])


def test_a_customer_signs_offline_and_the_evidence_holds(desk, phone, network):
    ticket = given_ticket(desk, phone, network)
    for command in (Command.ACCEPT(), Command.ARRIVE(), Command.COMPLETE("已更换电容,制冷正常")):
        act(phone, ticket, command)
    network.on = False
    # guide: sheet
    frozen = phone.freeze(ticket, gongdan.Language.ZH, 480)
    for line in frozen.lines():
        print(line.label, line.text)
    signer = gongdan.Signer(
        name="穆清扬", capacity=gongdan.Capacity.CUSTOMER, title=None,
        identified=gongdan.Identified.KNOWN, ink=drawn(),
    )
    signing = gongdan.Signing(
        kind=gongdan.SheetKind.INK,
        answers=gongdan.FourAnswers(solved=True, satisfied=True, professionalism=9, comments=None),
        signers=[signer], attachments=[], reason=None, witness=None, place=None, corrects=None,
    )
    clock = gongdan.PhoneClock(zone="Asia/Shanghai", offset_minutes=480, monotonic_millis=0)
    sealed = phone.seal(frozen, signing, clock)
    print(sealed.receipt.code)
    phone.receipt_taken(sealed.sheet)
    evidence = phone.evidence_file(sealed.blob, 100_000)
    # guide: end
    assert any(line.label == "完成情况" for line in frozen.lines())
    assert sealed.receipt.svg.startswith("<?xml") and sealed.receipt.code.replace("-", "") in sealed.receipt.content
    report = gongdan.verify_evidence(evidence, None, ticket, sealed.receipt.code, gongdan.Language.EN)
    assert (report.good, report.level) == (True, "receipt_taken")
    assert "not proven" in report.words.lower()
    changed = bytearray(evidence)
    changed[len(changed) // 2] ^= 1
    report = gongdan.verify_evidence(bytes(changed), None, None, None, gongdan.Language.ZH)
    assert (report.good, report.level) == (False, "none")
    assert phone.sheet_differences(sealed.blob) == []
    assert [row.hash for row in phone.unsent_blobs()] == [sealed.blob]
    empty = gongdan.Ink(width=100, height=100, strokes=[])
    assert gongdan.ink_fault(empty) == gongdan.InkFault.EMPTY and gongdan.ink_fault(drawn()) is None
    signer.ink = empty
    signing.signers, signing.corrects = [signer], sealed.sheet
    with pytest.raises(PhoneError.Unfit) as refused:
        phone.seal(phone.freeze(ticket, gongdan.Language.ZH, 480), signing, clock)
    assert refused.value.code == "ink_empty"
    network.on = True
    sync(phone, network)
    assert phone.ticket(ticket).ticket.status == Status.CONFIRMED
    assert phone.ticket(ticket).ticket.sheets[0].named.sheet == sealed.sheet
    assert desk.ticket(ticket)["status"] == "confirmed"


def test_a_wipe_waits_for_what_is_unsent_then_destroys_the_key_and_tells_the_office(
    desk, supervisor, phone, network, key_store, tmp_path
):
    ticket = given_ticket(desk, phone, network)
    photo = phone.add_blob(ticket, "image/jpeg", b"\xff\xd8 a photo")
    act(phone, ticket, Command.ACCEPT())
    path, device = tmp_path / "phone.db", phone.device()
    supervisor.send("POST", f"/v1/devices/{device}/wipe")
    report = sync(phone, network)
    assert not report.wiped and phone.lock() == "wipe_ordered"
    # Who asks for a wipe revokes: what was sent is at the office, and a person decides about it.
    assert [item.state for item in phone.outbox()] == [OutboxState.QUARANTINED]
    assert phone.list(Filter()) == []
    for call in [lambda: phone.ticket(ticket), lambda: act(phone, ticket, Command.DEPART())]:
        with pytest.raises(PhoneError.Store) as locked:
            call()
        assert locked.value.code == "wipe_ordered"
    order = phone.wipe_order()
    assert (order.commands, order.blobs) == (0, 1) and not phone.carry_out_wipe()

    copy = path.read_bytes()
    # guide: wipe
    phone.mark_blob_sent(photo)
    report = sync(phone, network)
    if report.wiped:
        pass  # show the page of enrolment
    # guide: end
    assert report.wiped
    assert key_store.load(Secret.DATABASE_KEY) is None and key_store.load(Secret.DEVICE_KEY) is None
    assert not list(tmp_path.glob("phone.db*"))
    with pytest.raises(PhoneError.Store) as gone:
        phone.list(Filter())
    assert gone.value.code == "wiped"
    listed = supervisor.send("GET", "/v1/devices")["devices"][0]
    assert listed["id"] == device and listed["wiped_at"] >= listed["wipe_requested_at"]
    # Whoever has a copy of the file has nothing.
    path.write_bytes(copy)
    with pytest.raises(PhoneError.Key) as lost:
        gongdan.Phone.open(str(path), key_store)
    assert lost.value.code == "no_key"


def test_a_wipe_that_could_not_be_told_is_told_later(desk, supervisor, phone, network, key_store, tmp_path):
    given_ticket(desk, phone, network)
    path = str(tmp_path / "phone.db")
    supervisor.send("POST", f"/v1/devices/{phone.device()}/wipe")
    request = phone.next_request()
    phone.receive(asyncio.run(network.send(request)))
    assert phone.carry_out_wipe() and key_store.load(Secret.DATABASE_KEY) is None
    network.on = False
    with pytest.raises(PhoneError.Network):
        asyncio.run(gongdan.report_wipe(path, network, key_store))
    with pytest.raises(PhoneError.Store) as wiped:
        gongdan.Phone.open(path, key_store)
    assert wiped.value.code == "wiped"
    assert supervisor.send("GET", "/v1/devices")["devices"][0]["wiped_at"] is None
    network.on = True
    asyncio.run(gongdan.report_wipe(path, network, key_store))
    assert supervisor.send("GET", "/v1/devices")["devices"][0]["wiped_at"] is not None
    with pytest.raises(PhoneError.Store) as gone:
        gongdan.Phone.open(path, key_store)
    assert gone.value.code == "not_enrolled"


def test_leaving_a_phone_says_what_would_be_lost_and_a_rescue_file_keeps_it(
    server, desk, phone, network, key_store, tmp_path
):
    ticket = given_ticket(desk, phone, network)
    network.on = False
    act(phone, ticket, Command.ACCEPT())
    photo = b"\xff\xd8 a photo"
    phone.add_blob(ticket, "image/jpeg", photo)
    with pytest.raises(PhoneError.Unfit) as weak:
        phone.write_rescue(str(tmp_path / "weak"), "too short")
    assert weak.value.code == "weak_passphrase" and not list(tmp_path.glob("weak*"))

    file, passphrase = str(tmp_path / "phone.rescue"), "雨夜里还亮着的那盏灯是维修站"
    # guide: logout
    answer = phone.logout()
    if isinstance(answer, gongdan.Logout.UNSENT):
        print(answer.unsent.commands, answer.unsent.blobs)
        phone.write_rescue(file, passphrase)
        answer = phone.logout()
    # guide: end
    assert isinstance(answer, gongdan.Logout.DONE)
    assert key_store.load(Secret.DATABASE_KEY) is None and key_store.load(Secret.DEVICE_KEY) is None
    assert not list(tmp_path.glob("phone.db*"))

    network.on = True
    (tmp_path / "colleague").mkdir()
    other_keys = FileKeyStore(tmp_path / "colleague" / "key")
    colleague = enrol(server, network, other_keys, tmp_path / "colleague", "G4002")
    sync(colleague, network)
    with pytest.raises(PhoneError.Unfit) as wrong:
        colleague.bring_rescue(file, "另一句口令也有十二个字")
    assert wrong.value.code == "wrong_passphrase"
    # guide: rescue
    brought = colleague.bring_rescue(file, passphrase)
    print(brought.person, brought.changesets, brought.blobs)
    # guide: end
    assert (brought.person, brought.changesets, brought.blobs) == ("G4001", 1, 1)
    answer = colleague.logout()
    assert isinstance(answer, gongdan.Logout.UNSENT) and answer.unsent.carried == 1
    assert sync(colleague, network).complete
    assert desk.ticket(ticket)["status"] == "accepted"
    unsent = colleague.unsent()
    assert (unsent.commands, unsent.carried, unsent.blobs) == (0, 0, 1)
    assert colleague.read_blob(colleague.unsent_blobs()[0].hash, 0, 100) == photo


def test_a_colleagues_phone_carries_what_is_handed_to_it(server, desk, phone, network, tmp_path):
    ticket = given_ticket(desk, phone, network)
    network.on = False
    act(phone, ticket, Command.ACCEPT())
    (tmp_path / "colleague").mkdir()
    other_keys = FileKeyStore(tmp_path / "colleague" / "key")
    other_network = Network(server.url)
    colleague = enrol(server, other_network, other_keys, tmp_path / "colleague", "G4002")
    with pytest.raises(PhoneError.Answer):
        colleague.carry([b"nothing"])
    colleague.carry(phone.courier_load())
    assert colleague.unsent().carried == 1
    assert sync(colleague, other_network).complete and colleague.unsent().carried == 0
    assert desk.ticket(ticket)["status"] == "accepted"
    assert phone.outbox_counts().in_flight == 1
    network.on = True
    sync(phone, network)
    assert phone.outbox() == []


def test_a_code_serves_one_device(server, network, key_store, tmp_path):
    invitation = gongdan.parse_invitation(server.invite("G4003"))
    path = str(tmp_path / "phone.db")

    def enrol_again(path, key_store):
        return asyncio.run(gongdan.Phone.enrol_with(path, network, invitation.code, "测试手机", key_store))

    device = enrol_again(path, key_store).device()
    # The answer was lost: the same device asks again, and is the same one.
    assert enrol_again(path, key_store).device() == device
    with pytest.raises(PhoneError.Server) as failure:
        enrol_again(str(tmp_path / "other.db"), FileKeyStore(tmp_path / "other-key"))
    assert (failure.value.status, failure.value.code) == (403, "invalid_enrolment_code")

    other = gongdan.parse_invitation(server.invite("G4003"))
    fresh = FileKeyStore(tmp_path / "fresh-key")
    fresh.save(Secret.DATABASE_KEY, key_store.load(Secret.DATABASE_KEY))
    with pytest.raises(PhoneError.Store) as failure:
        asyncio.run(gongdan.Phone.enrol_with(path, network, other.code, "测试手机", fresh))
    assert failure.value.code == "already_enrolled"
    assert gongdan.Phone.open(path, key_store).device() == device


def test_a_phone_opens_only_with_its_key_and_its_store(phone, key_store, tmp_path):
    with pytest.raises(PhoneError.Store) as failure:
        gongdan.Phone.open(str(tmp_path / "new.db"), key_store)
    assert failure.value.code == "not_enrolled"

    class Broken(gongdan.KeyStore):
        def __init__(self, broken, load):
            self.broken, self.broken_load = broken, load

        def load(self, secret):
            return self.broken_load() if secret == self.broken else key_store.load(secret)

        def save(self, secret, bytes):
            raise AssertionError("opening saves no key")

        def destroy(self, secret):
            raise AssertionError("opening destroys no key")

    def raises():
        raise gongdan.HostError.Failed("locked")

    path = tmp_path / "phone.db"
    device = phone.device()
    del phone
    gc.collect()
    before = path.read_bytes()
    for secret in Secret:
        for load, code in [(lambda: None, "no_key"), (lambda: b"short", "not_32_bytes"), (raises, "failed")]:
            with pytest.raises(PhoneError.Key) as failure:
                gongdan.Phone.open(str(path), Broken(secret, load))
            assert failure.value.code == code
    with pytest.raises(PhoneError.Store) as failure:
        gongdan.Phone.open(str(path), Broken(Secret.DATABASE_KEY, lambda: b"?" * 32))
    assert failure.value.code == "wrong_key"
    assert path.read_bytes() == before
    assert gongdan.Phone.open(str(path), key_store).device() == device


def test_an_observer_may_call_the_phone_and_may_fail(desk, server, network, key_store, tmp_path):
    phone = enrol(server, network, key_store, tmp_path, "G4001")
    ticket = given_ticket(desk, phone, network)
    del phone
    statuses = []

    class Screen(gongdan.Observer):
        def changed(self, tickets):
            statuses.extend(self.phone.ticket(changed).ticket.status for changed in tickets)
            raise gongdan.HostError.Failed("the screen is gone")

    screen = Screen()
    screen.phone = gongdan.Phone.open(str(tmp_path / "phone.db"), key_store, screen)
    act(screen.phone, ticket, Command.ACCEPT())
    assert statuses == [Status.ACCEPTED]
