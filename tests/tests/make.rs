//! The verbs of the Makefile.
#![expect(clippy::unwrap_used, reason = "a test may stop at the first surprise")]

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use trunkline_tests::{root, run};

fn script(path: &Path, text: &str) {
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, format!("#!/bin/sh\n{text}\n")).unwrap();
    fs::set_permissions(path, fs::Permissions::from_mode(0o755)).unwrap();
}

/// `make demo ARGS="--once --json"` printed a line of `models install` before the document.
#[test]
fn a_demonstration_prints_its_document_and_nothing_of_what_was_done_before() {
    let dir = tempfile::tempdir().unwrap();
    let at = |name: &str| dir.path().join(name);
    fs::copy(root().join("Makefile"), at("Makefile")).unwrap();
    script(&at("scripts/setup"), "echo installing cmake");
    script(&at("scripts/bin"), "echo ./trunkline");
    script(&at("cargo"), "echo built");
    script(
        &at("trunkline"),
        r#"[ "$1" = demo ] && echo "{\"said\": \"$*\"}" || echo "models are there""#,
    );
    let mut make = Command::new("make");
    // `make test` runs this: an outer make's wishes are not this one's.
    for outer in ["MAKEFLAGS", "MFLAGS", "MAKELEVEL"] {
        make.env_remove(outer);
    }
    make.current_dir(dir.path())
        .args(["demo", "CARGO=./cargo", "ARGS=--once --json"]);
    let output = run(&mut make, Duration::from_secs(60));
    let (told, noted) = (
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr),
    );
    assert!(output.status.success(), "{noted}");
    assert_eq!(told, "{\"said\": \"demo --once --json\"}\n", "{noted}");
    for before in ["installing cmake", "built", "models are there"] {
        assert!(noted.contains(before), "{noted}");
    }
}
