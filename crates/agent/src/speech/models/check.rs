//! Comparing what is on the disk with the manifest.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use super::manifest::{Manifest, Package, PackageFile};

/// One file of the manifest, and how it stands on this disk.
#[derive(Clone, Debug)]
pub struct FileReport {
    /// Package it comes from.
    pub package: String,
    /// Version of the package.
    pub version: String,
    pub part: String,
    pub licence: String,
    /// Where it belongs.
    pub path: PathBuf,
    /// Bytes it should have.
    pub size: u64,
    /// How it stands.
    pub state: FileState,
}

/// How a file on the disk compares with the manifest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FileState {
    /// There, of the right size; its digest was not computed.
    Present,
    /// There, and its digest is right.
    Verified,
    Missing,
    /// There, but of another size or digest, or unreadable.
    Wrong,
}

impl FileState {
    /// Whether the file can be used.
    pub const fn is_good(self) -> bool {
        matches!(self, Self::Present | Self::Verified)
    }
}

/// How each file stands, by size alone: quick.
pub fn list(manifest: &Manifest, dir: &Path) -> Vec<FileReport> {
    report(manifest, dir, size_state)
}

/// How each file stands, by digest: reads every byte.
pub fn verify(manifest: &Manifest, dir: &Path) -> Vec<FileReport> {
    report(manifest, dir, digest_state)
}

/// Size first, then digest.
pub(super) fn digest_state(file: &PackageFile, path: &Path) -> FileState {
    match size_state(file, path) {
        FileState::Present => match sha256(path) {
            Ok(digest) if digest == file.sha256 => FileState::Verified,
            _ => FileState::Wrong,
        },
        other => other,
    }
}

/// SHA-256 of a file, in lower-case hex.
pub(super) fn sha256(path: &Path) -> io::Result<String> {
    let mut file = File::open(path)?;
    let mut digest = Sha256::new();
    let mut buffer = vec![0; 256 * 1024];
    loop {
        match file.read(&mut buffer)? {
            0 => return Ok(hex::encode(digest.finalize())),
            read => digest.update(buffer.get(..read).unwrap_or_default()),
        }
    }
}

fn size_state(file: &PackageFile, path: &Path) -> FileState {
    match std::fs::metadata(path) {
        Ok(meta) if meta.is_file() && meta.len() == file.size => FileState::Present,
        Err(e) if e.kind() == io::ErrorKind::NotFound => FileState::Missing,
        _ => FileState::Wrong,
    }
}

fn report(
    manifest: &Manifest,
    dir: &Path,
    state: impl Fn(&PackageFile, &Path) -> FileState,
) -> Vec<FileReport> {
    let of_package = |package: &Package| {
        let one = |file: &PackageFile| {
            let path = dir.join(&file.to);
            FileReport {
                package: package.name.clone(),
                version: package.version.clone(),
                part: package.part.clone(),
                licence: package.licence.clone(),
                size: file.size,
                state: state(file, &path),
                path,
            }
        };
        package.files.iter().map(one).collect::<Vec<_>>()
    };
    manifest.packages().iter().flat_map(of_package).collect()
}
