//! `models install | list | verify`.

use std::path::{Path, PathBuf};

use clap::{Args, Subcommand};
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::json;
use trunkline_agent::speech::models::{
    FileReport, FileState, Manifest, Progress, Source, Step, default_dir, install, list, verify,
};
use trunkline_base::class::Class;
use trunkline_service::config::Environment;

use crate::failure::Failure;
use crate::global::Global;
use crate::output;

#[derive(Debug, Subcommand)]
pub(crate) enum Models {
    /// Fetch and verify every model
    Install(ModelsInstall),
    /// Say which models are needed and which are here
    List(ModelsDir),
    /// Check every model against its digest
    Verify(ModelsDir),
}

#[derive(Debug, Args)]
pub(crate) struct ModelsDir {
    /// Where the models are
    #[arg(long, env = "TRUNKLINE_MODELS", value_name = "DIR")]
    pub(crate) dir: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct ModelsInstall {
    #[command(flatten)]
    pub(crate) dir: ModelsDir,
    /// Take the wheels from this directory instead of the package index
    #[arg(long, value_name = "DIR")]
    pub(crate) from: Option<PathBuf>,
}

pub(crate) async fn run(verb: Models, global: &Global) -> Result<(), Failure> {
    let manifest = Manifest::builtin()?;
    match verb {
        Models::Install(typed) => {
            let source = typed.from.map_or(Source::Index, Source::Directory);
            fetch(&manifest, dir(&typed.dir)?, &source, global).await
        }
        Models::List(typed) => show(&list(&manifest, &dir(&typed)?), global),
        Models::Verify(typed) => {
            let reports = verify(&manifest, &dir(&typed)?);
            show(&reports, global)?;
            judge(&reports)
        }
    }
}

/// The directory typed, or the usual one.
pub(crate) fn dir_or_default(typed: Option<PathBuf>) -> Result<PathBuf, Failure> {
    typed.or_else(default_dir).ok_or_else(|| {
        let text = "no home directory to keep the models in; set TRUNKLINE_MODELS";
        Failure::new(Class::Invalid, "models.dir", text)
    })
}

/// Where the sound of fixed sentences is kept: the folder typed, or the user's cache. Nowhere for a
/// user without a home.
pub(crate) fn voice_cache(typed: Option<PathBuf>, env: &Environment) -> Option<PathBuf> {
    if let Some(typed) = typed {
        return (typed.as_os_str() != "none").then_some(typed);
    }
    let named = |name: &str| env.var(name).filter(|text| !text.is_empty());
    // What systemd gives a service (CacheDirectory=); it is the service's own.
    let service = named("CACHE_DIRECTORY").and_then(|dirs| dirs.split(':').next());
    let user = || named("XDG_CACHE_HOME").map(|dir| PathBuf::from(dir).join("trunkline"));
    // A service's user may have a home that is not there, and nobody wants it made.
    let home = || named("HOME").filter(|home| Path::new(home).is_dir());
    let home = || home().map(|home| PathBuf::from(home).join(".cache/trunkline"));
    let dir = service.map(PathBuf::from).or_else(user).or_else(home)?;
    Some(dir.join("voice"))
}

fn dir(typed: &ModelsDir) -> Result<PathBuf, Failure> {
    dir_or_default(typed.dir.clone())
}

async fn fetch(
    manifest: &Manifest,
    dir: PathBuf,
    source: &Source,
    global: &Global,
) -> Result<(), Failure> {
    let bar = ProgressBar::new(0);
    let style = "{bar:30} {bytes:>10} of {total_bytes:<10} {msg}";
    bar.set_style(
        ProgressStyle::with_template(style).unwrap_or_else(|_| ProgressStyle::default_bar()),
    );
    let summary = install(manifest, &dir, source, |progress: Progress<'_>| {
        bar.set_length(progress.total);
        bar.set_position(progress.done);
        bar.set_message(format!(
            "{} {}",
            doing(progress.step),
            progress.package.name
        ));
    })
    .await?;
    bar.finish_and_clear();
    if global.json {
        output::json(&json!({
            "dir": dir, "installed": summary.installed,
            "already_there": summary.already_there, "bytes": summary.bytes,
        }));
    } else {
        output::line(&format!(
            "models are in {}: {} installed, {} there already, {} MB",
            dir.display(),
            summary.installed,
            summary.already_there,
            summary.bytes / 1_000_000
        ));
    }
    Ok(())
}

const fn doing(step: Step) -> &'static str {
    match step {
        Step::Checking => "checking",
        Step::Fetching => "fetching",
        Step::Unpacking => "unpacking",
        Step::AlreadyThere => "has",
        Step::Installed => "installed",
    }
}

fn show(reports: &[FileReport], global: &Global) -> Result<(), Failure> {
    if global.json {
        let files: Vec<_> = reports
            .iter()
            .map(|report| {
                json!({
                    "part": report.part, "package": report.package, "version": report.version,
                    "licence": report.licence, "path": report.path, "size": report.size,
                    "state": word(report.state),
                })
            })
            .collect();
        output::json(&json!({ "files": files }));
        return Ok(());
    }
    let rows: Vec<Vec<String>> = reports
        .iter()
        .map(|report| {
            vec![
                report.part.clone(),
                format!("{} {}", report.package, report.version),
                report.licence.clone(),
                report
                    .path
                    .file_name()
                    .unwrap_or_default()
                    .to_string_lossy()
                    .into_owned(),
                word(report.state).to_owned(),
            ]
        })
        .collect();
    output::text(&output::table(
        &["PART", "PACKAGE", "LICENCE", "FILE", "STATE"],
        &rows,
    ));
    Ok(())
}

fn judge(reports: &[FileReport]) -> Result<(), Failure> {
    let bad = reports
        .iter()
        .filter(|report| !report.state.is_good())
        .count();
    if bad == 0 {
        return Ok(());
    }
    let text = format!("{bad} model files are missing or wrong; run `trunkline models install`");
    Err(Failure::new(Class::Missing, "models.incomplete", text))
}

const fn word(state: FileState) -> &'static str {
    match state {
        FileState::Present => "present",
        FileState::Verified => "verified",
        FileState::Missing => "missing",
        FileState::Wrong => "wrong",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sound_is_kept_where_the_user_keeps_such_things() {
        let at = |env: &[(&str, &str)], typed: Option<&str>| {
            let own = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
            let env: Environment = env.iter().map(own).collect();
            let dir = voice_cache(typed.map(PathBuf::from), &env);
            dir.map(|dir| dir.display().to_string()).unwrap_or_default()
        };
        let home = ("HOME", "/");
        assert_eq!(at(&[home], None), "/.cache/trunkline/voice");
        let cache = ("XDG_CACHE_HOME", "/c");
        assert_eq!(at(&[home, cache], None), "/c/trunkline/voice");
        let service = ("CACHE_DIRECTORY", "/var/cache/phone:/other");
        assert_eq!(at(&[home, cache, service], None), "/var/cache/phone/voice");
        assert_eq!(at(&[home], Some("/mine")), "/mine");
        assert_eq!(at(&[home], Some("none")), "");
        for nobody in ["", "/proc/nobody"] {
            assert_eq!(at(&[("HOME", nobody)], None), "");
        }
    }
}
