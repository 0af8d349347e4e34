//! TLS by the server itself, with certificates of test authorities, and the headers that browsers heed.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use gongdan_server::config::Config;
use gongdan_server::host::Host;
use gongdan_server::tls::TlsFiles;
use gongdan_server::{Running, ServerError};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use ureq::Agent;
use ureq::http::Response;
use ureq::tls::{Certificate, RootCerts, TlsConfig};

/// Longer than a change of the files may take to be noticed on a busy machine.
const DEADLINE: Duration = Duration::from_secs(120);

/// An authority that issues for this machine, and a client that trusts it alone.
struct Authority {
    issuer: CertifiedIssuer<'static, KeyPair>,
}

impl Authority {
    fn new() -> Self {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let issuer = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
        Self { issuer }
    }

    /// Certificate and key, PEM.
    fn issue(&self) -> (String, String) {
        let key = KeyPair::generate().unwrap();
        let params = CertificateParams::new(vec!["127.0.0.1".to_owned()]).unwrap();
        let certificate = params.signed_by(&key, &self.issuer).unwrap();
        (certificate.pem(), key.serialize_pem())
    }

    /// One that has no connection open.
    fn client(&self) -> Agent {
        let root = Certificate::from_pem(self.issuer.as_ref().pem().as_bytes()).unwrap();
        let tls = TlsConfig::builder().root_certs(RootCerts::new_with_certs(&[root]));
        Agent::config_builder()
            .tls_config(tls.build())
            .http_status_as_error(false)
            .timeout_global(Some(Duration::from_secs(60)))
            .build()
            .into()
    }

    fn get(&self, url: &str) -> Result<Response<ureq::Body>, ureq::Error> {
        self.client().get(url).call()
    }

    fn trusts(&self, url: &str) -> bool {
        self.get(&format!("{url}/livez")).is_ok()
    }
}

fn files(folder: &Path) -> TlsFiles {
    TlsFiles {
        certificate: folder.join("certificate.pem"),
        key: folder.join("key.pem"),
    }
}

fn put(files: &TlsFiles, (certificate, key): &(String, String)) {
    std::fs::write(&files.certificate, certificate).unwrap();
    std::fs::write(&files.key, key).unwrap();
}

async fn start(folder: &Path) -> Result<Running, ServerError> {
    let mut config = Config::new(folder.join("data"));
    config.listen = "127.0.0.1:0".parse().unwrap();
    config.tls = Some(files(folder));
    gongdan_server::start(config, Host::system()).await
}

fn header<'a>(response: &'a Response<ureq::Body>, name: &str) -> &'a str {
    response
        .headers()
        .get(name)
        .map_or("", |value| value.to_str().unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_trusts_the_authority_is_served_and_no_other() {
    let folder = tempfile::tempdir().unwrap();
    let (ours, other) = (Authority::new(), Authority::new());
    put(&files(folder.path()), &ours.issue());
    let running = start(folder.path()).await.unwrap();
    let url = running.url();
    assert!(url.starts_with("https://"));
    tokio::task::block_in_place(|| {
        let answer = ours.get(&format!("{url}/livez")).unwrap();
        assert_eq!(answer.status(), 200);
        assert_eq!(
            header(&answer, "strict-transport-security"),
            "max-age=31536000"
        );
        assert!(!other.trusts(&url));
        assert!(
            !ours.trusts(&url.replace("https://", "http://")),
            "nothing answers without TLS"
        );
    });
    running.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn clients_that_never_shake_hands_hold_nobody_up() {
    let folder = tempfile::tempdir().unwrap();
    let ours = Authority::new();
    put(&files(folder.path()), &ours.issue());
    let running = start(folder.path()).await.unwrap();
    tokio::task::block_in_place(|| {
        let silent: Vec<_> = (0..100)
            .map(|_| std::net::TcpStream::connect(running.address()).unwrap())
            .collect();
        let mut garbage = std::net::TcpStream::connect(running.address()).unwrap();
        garbage.write_all(b"GET / HTTP/1.1\r\n\r\n").unwrap();
        assert!(ours.trusts(&running.url()));
        drop(silent);
    });
    running.stop().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn files_that_do_not_fit_never_take_the_place_of_those_that_do() {
    let folder = tempfile::tempdir().unwrap();
    let (ours, next) = (Authority::new(), Authority::new());
    let files = files(folder.path());
    let (certificate, key) = ours.issue();
    std::fs::write(&files.certificate, &certificate).unwrap();
    assert!(
        matches!(start(folder.path()).await, Err(ServerError::Tls(_))),
        "no key"
    );
    std::fs::write(&files.key, next.issue().1).unwrap();
    assert!(
        matches!(start(folder.path()).await, Err(ServerError::Tls(_))),
        "another's key"
    );
    std::fs::write(&files.key, &key).unwrap();

    let running = start(folder.path()).await.unwrap();
    let (tls, url) = (running.tls().unwrap(), running.url());
    tokio::task::block_in_place(|| {
        assert!(!tls.reload().unwrap(), "nothing changed");
        let pair = next.issue();
        std::fs::write(&files.certificate, &pair.0).unwrap();
        assert!(tls.reload().is_err(), "half a renewal");
        assert!(ours.trusts(&url) && !next.trusts(&url));
        std::fs::write(&files.key, &pair.1).unwrap();
        assert!(tls.reload().unwrap());
        assert!(next.trusts(&url) && !ours.trusts(&url));
        std::fs::write(&files.certificate, "nothing").unwrap();
        assert!(tls.reload().is_err());
        assert!(next.trusts(&url));
    });
    running.stop().await.unwrap();
}

/// `gongdan serve` with TLS, as an operator starts it.
struct Process(Child, String);

impl Process {
    fn start(folder: &Path) -> Self {
        let files = files(folder);
        let mut child = Command::new(env!("CARGO_BIN_EXE_gongdan"))
            .args(["serve", "--listen", "127.0.0.1:0", "--data"])
            .arg(folder.join("data"))
            .arg("--tls-certificate")
            .arg(files.certificate)
            .arg("--tls-key")
            .arg(files.key)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut line = String::new();
        let out = child.stdout.take().unwrap();
        BufReader::new(out).read_line(&mut line).unwrap();
        let url = line.trim().rsplit(' ').next().unwrap().to_owned();
        Self(child, url)
    }

    fn until(&self, holds: impl Fn(&str) -> bool) {
        let started = Instant::now();
        while !holds(&self.1) {
            assert!(started.elapsed() < DEADLINE, "not within {DEADLINE:?}");
            std::thread::sleep(Duration::from_millis(50));
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn a_renewed_certificate_serves_without_a_restart_by_signal_and_by_itself() {
    let folder = tempfile::tempdir().unwrap();
    let [first, second, third] = [Authority::new(), Authority::new(), Authority::new()];
    put(&files(folder.path()), &first.issue());
    let mut process = Process::start(folder.path());
    assert!(first.trusts(&process.1));

    put(&files(folder.path()), &second.issue());
    let id = process.0.id().to_string();
    assert!(
        Command::new("kill")
            .args(["-HUP", &id])
            .status()
            .unwrap()
            .success()
    );
    process.until(|url| second.trusts(url));

    put(&files(folder.path()), &third.issue());
    process.until(|url| third.trusts(url));
    assert!(!first.trusts(&process.1) && !second.trusts(&process.1));
    assert!(process.0.try_wait().unwrap().is_none(), "the same process");
}

#[tokio::test(flavor = "multi_thread")]
async fn behind_a_proxy_with_tls_browsers_are_told_so_and_without_it_they_are_not() {
    let folder = tempfile::tempdir().unwrap();
    for (public_url, expected) in [
        (Some("https://service.example.com"), "max-age=31536000"),
        (Some("http://service.example.com"), ""),
        (None, ""),
    ] {
        let mut config = Config::new(folder.path().join("data"));
        config.listen = "127.0.0.1:0".parse().unwrap();
        config.public_url = public_url.map(str::to_owned);
        let running = gongdan_server::start(config, Host::system()).await.unwrap();
        let url = format!("{}/sign-in", running.url());
        let page =
            tokio::task::block_in_place(|| Agent::new_with_defaults().get(url).call().unwrap());
        assert_eq!(header(&page, "strict-transport-security"), expected);
        for (name, value) in [
            ("x-content-type-options", "nosniff"),
            ("x-frame-options", "DENY"),
            ("referrer-policy", "no-referrer"),
            ("cross-origin-opener-policy", "same-origin"),
            ("cross-origin-resource-policy", "same-origin"),
        ] {
            assert_eq!(header(&page, name), value, "{name}");
        }
        running.stop().await.unwrap();
    }
}
