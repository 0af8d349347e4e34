//! `gongdan verify FILE…`: evidence files of signed sheets, checked without network or database.
//!
//! Invariant: what is said comes from core's report. Exit code 0: every check holds; 2: one does not; 1: a file
//! could not be read.

use std::path::PathBuf;

use clap::ValueEnum;
use gongdan_core::evidence::file::EvidenceFile;
use gongdan_core::evidence::verify::{self, Asked, Report};
use gongdan_core::evidence::{Language, SignedSheet};
use gongdan_core::limits;
use gongdan_core::sync::keys::PublicKey;
use serde_json::json;
use tokio_rustls::rustls::pki_types::CertificateDer;
use tokio_rustls::rustls::pki_types::pem::PemObject;

use super::backup::whole;
use super::evidence::key;
use super::{Outcome, Output};

/// The language of the report.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Words {
    /// 中文 · Chinese
    Zh,
    /// 英文 · English
    En,
    /// 中文与英文 · Both
    Both,
}

/// What `gongdan verify` takes of evidence files.
#[derive(Debug, clap::Args)]
pub(super) struct Files {
    /// 证据文件（.gds）；给出多个时，按所给次序核对它们是同一设备依次所签 · Evidence files; several are also checked to follow one another on one device
    files: Vec<PathBuf>,
    /// 组织公钥（`gongdan org key` 所打印），须从别处取得 · The organisation's public key, got from elsewhere
    #[arg(long, value_parser = key, allow_hyphen_values = true)]
    org_key: Option<PublicKey>,
    /// 应属于的工单号或编号 · The ticket's number or id that it should be about
    #[arg(long)]
    ticket: Option<String>,
    /// 客户回执上的代码 · The code on the customer's receipt
    #[arg(long)]
    receipt: Option<String>,
    /// 时间戳机构或其上级的证书（PEM 或 DER），可多次给出 · Certificate of a time-stamp authority or of who certifies it (PEM or DER); may be given again
    #[arg(long = "authority")]
    authorities: Vec<PathBuf>,
    /// 以 JSON 输出 · As JSON
    #[arg(long)]
    json: bool,
    /// 报告的语言 · Language of the report
    #[arg(long, value_enum, default_value = "both")]
    language: Words,
}

impl Files {
    pub(super) fn run(&self, out: Output<'_>) -> Outcome {
        let asked = Asked {
            organisation: self.org_key,
            ticket: self.ticket.clone(),
            receipt: self.receipt.clone(),
            authorities: certificates(&self.authorities)?,
        };
        let mut reports: Vec<(String, Report)> = Vec::new();
        let mut sheets: Vec<SignedSheet> = Vec::new();
        for path in &self.files {
            let bytes = read(path)?;
            let report = verify::verify(&bytes, &asked);
            let file = EvidenceFile::from_bytes(&bytes).ok();
            sheets.extend(file.and_then(|file| SignedSheet::from_bytes(&file.sheet).ok()));
            reports.push((path.display().to_string(), report));
        }
        let chain = verify::chain(&sheets);
        let good = chain.is_empty() && reports.iter().all(|(_, report)| report.good);
        if self.json {
            let files: Vec<_> = reports
                .iter()
                .map(|(file, report)| json!({ "file": file, "report": report }))
                .collect();
            let faults: Vec<_> = chain
                .iter()
                .map(|(place, fault)| json!({ "after": place, "fault": fault.code() }))
                .collect();
            let all = json!({ "good": good, "files": files, "chain": faults });
            writeln!(out, "{}", serde_json::to_string_pretty(&all)?)?;
        } else {
            for language in self.languages() {
                for (file, report) in &reports {
                    writeln!(out, "{file}\n")?;
                    writeln!(out, "{}", verify::words(report, *language))?;
                }
                if self.files.len() > 1 {
                    writeln!(out, "{}", verify::chain_words(&chain, *language))?;
                }
            }
        }
        whole(good)
    }

    const fn languages(&self) -> &'static [Language] {
        match self.language {
            Words::Zh => &[Language::Zh],
            Words::En => &[Language::En],
            Words::Both => &[Language::Zh, Language::En],
        }
    }
}

/// Certificates of files, in DER: all of a PEM file, or the one that the file is.
fn certificates(paths: &[PathBuf]) -> Result<Vec<Vec<u8>>, String> {
    let mut found = Vec::new();
    for path in paths {
        let bytes = read(path)?;
        if bytes.starts_with(b"-----") {
            for certificate in CertificateDer::pem_slice_iter(&bytes) {
                let certificate =
                    certificate.map_err(|error| format!("read {}: {error}", path.display()))?;
                found.push(certificate.to_vec());
            }
        } else {
            found.push(bytes);
        }
    }
    Ok(found)
}

/// The file's bytes; one past the limit is read no further than that tells.
fn read(path: &PathBuf) -> Result<Vec<u8>, String> {
    use std::io::Read;
    let said = |error| format!("read {}: {error}", path.display());
    let file = std::fs::File::open(path).map_err(said)?;
    let mut bytes = Vec::new();
    file.take(limits::EVIDENCE_FILE_BYTES_MAX as u64 + 1)
        .read_to_end(&mut bytes)
        .map_err(said)?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a test fails by panicking")]
    use gongdan_core::evidence::samples::{self, signing};
    use gongdan_core::evidence::{SheetHash, SheetKind};
    use gongdan_core::testing;

    use super::*;

    fn said(files: &[&std::path::Path], change: impl Fn(&mut Files)) -> (bool, String) {
        let mut asked = Files {
            files: files.iter().map(|path| path.to_path_buf()).collect(),
            org_key: Some(samples::organisation().public()),
            ticket: None,
            receipt: None,
            authorities: Vec::new(),
            json: false,
            language: Words::Both,
        };
        change(&mut asked);
        let mut out = Vec::new();
        let good = asked.run(&mut out).is_ok();
        (good, String::from_utf8(out).unwrap())
    }

    #[test]
    fn a_key_that_begins_with_a_hyphen_is_a_key() {
        #[derive(Debug, clap::Parser)]
        struct Asked {
            #[command(flatten)]
            files: Files,
        }
        let key = "-ojrdt2fb8UONoQFLsIg4zkHOkoWkRL1LAq2Kro1_Ok";
        let asked = <Asked as clap::Parser>::try_parse_from(["verify", "a.gds", "--org-key", key]);
        assert_eq!(
            asked.unwrap().files.org_key.unwrap(),
            super::key(key).unwrap()
        );
    }

    #[test]
    fn a_file_is_checked_in_both_languages_and_as_json() {
        let folder = tempfile::tempdir().unwrap();
        let frozen = samples::frozen(testing::ticket(1), Language::Zh);
        let none = SheetHash([0; 32]);
        let first = samples::sheet(3, &frozen, &signing(SheetKind::Ink), 1, none);
        let second = samples::sheet(3, &frozen, &signing(SheetKind::Paper), 2, first.hash());
        let path = |name: &str| folder.path().join(name);
        std::fs::write(path("a.gds"), samples::file(3, &first).to_bytes()).unwrap();
        std::fs::write(path("b.gds"), samples::file(3, &second).to_bytes()).unwrap();
        let (good, words) = said(&[&path("a.gds")], |_| ());
        assert!(good, "{words}");
        for text in [
            "第十三条",
            "Article 13",
            "未证明",
            "Not proven",
            "[holds]",
            "[成立]",
        ] {
            assert!(words.contains(text), "{text}");
        }
        let (good, words) = said(&[&path("a.gds"), &path("b.gds")], |_| ());
        assert!(good && words.contains("each follows the one before"));
        let (good, words) = said(&[&path("b.gds"), &path("a.gds")], |_| ());
        assert!(!good && words.contains("out of order"));
        let (good, json) = said(&[&path("a.gds")], |asked| {
            asked.json = true;
            asked.ticket = Some("FW202601010001".to_owned());
        });
        let json: serde_json::Value = serde_json::from_str(&json).unwrap();
        assert!(!good && json["good"] == false);
        let checks = json["files"][0]["report"]["checks"].as_array().unwrap();
        assert!(checks.contains(&json!(["ticket", "fails"])));
        assert!(checks.contains(&json!(["signature", "holds"])));
        let mut bytes = std::fs::read(path("a.gds")).unwrap();
        let half = bytes.len() / 2;
        bytes[half] ^= 1;
        std::fs::write(path("a.gds"), &bytes).unwrap();
        let (good, words) = said(&[&path("a.gds")], |_| ());
        assert!(!good && words.contains("[FAILS]"));
        assert!(!said(&[&path("c.gds")], |_| ()).0);
    }
}
