//! The whole day, as the program plays it.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::path::Path;
use std::process::{Command, Output};

const DEMO: &str = env!("CARGO_BIN_EXE_gongdan-demo");

/// Without the server's binary there is nothing to show.
fn expect_server() {
    let name = format!("gongdan{}", std::env::consts::EXE_SUFFIX);
    let server = Path::new(DEMO).with_file_name(name);
    assert!(
        server.is_file(),
        "{} is not built: run `cargo build -p gongdan-server` first",
        server.display()
    );
}

fn play(args: &[&str]) -> Output {
    let fixed = ["--exit", "--no-browser", "--listen", "127.0.0.1:0"];
    Command::new(DEMO).args(fixed).args(args).output().unwrap()
}

fn told(output: &Output) -> String {
    let text = String::from_utf8(output.stdout.clone()).unwrap();
    assert!(
        output.status.success(),
        "{text}\n{}",
        String::from_utf8_lossy(&output.stderr)
    );
    text
}

#[test]
fn every_replica_is_equal_at_the_end_of_the_day_and_nothing_is_left_behind() {
    expect_server();
    let folder = std::env::temp_dir().join(format!("gongdan-demo-test-{}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let output = Command::new(DEMO)
        .args(["--exit", "--lang", "en", "--listen", "127.0.0.1:0"])
        .env("TMPDIR", &folder)
        .output()
        .unwrap();
    let text = told(&output);
    assert!(text.contains("every replica is equal"), "{text}");
    for happened in [
        "the completion waits for the desk",
        "serial has rival values",
        "appointed_from has rival values",
        "cancelled and completed at once",
        "has its number now",
        "loses its battery",
        "the answer never comes",
    ] {
        assert!(
            text.contains(happened),
            "`{happened}` did not happen:\n{text}"
        );
    }
    let left: Vec<_> = std::fs::read_dir(&folder).unwrap().collect();
    assert!(left.is_empty(), "{left:?}");
    std::fs::remove_dir(&folder).unwrap();
}

#[test]
fn a_folder_that_has_a_day_in_it_is_refused() {
    expect_server();
    let folder = std::env::temp_dir().join(format!("gongdan-demo-used-{}", std::process::id()));
    std::fs::create_dir_all(folder.join("server")).unwrap();
    let output = play(&["--data", folder.to_str().unwrap()]);
    assert!(!output.status.success());
    let error = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(error.contains("is there already"), "{error}");
    std::fs::remove_dir_all(&folder).unwrap();
}
