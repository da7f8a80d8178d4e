//! Fetching one wheel with pip.

use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use tokio::io::AsyncReadExt;
use tokio::process::Command;

use super::error::InstallError;
use super::manifest::Package;

/// How pip may be called, best first.
const PIPS: [(&str, &[&str]); 3] = [("python3", &["-m", "pip"]), ("pip3", &[]), ("pip", &[])];

/// A slow line may take long over a wheel of 85 MB; nothing at all for this long is a failure.
const PATIENCE: Duration = Duration::from_mins(30);

/// How often the growing file is looked at.
const LOOK: Duration = Duration::from_millis(200);

/// Lines of pip's own words that are worth showing.
const LAST_WORDS: usize = 4;

/// Downloads `package` into `into`, telling how many bytes have come.
pub(super) async fn download(
    package: &Package,
    into: &Path,
    bytes: impl FnMut(u64),
) -> Result<(), InstallError> {
    download_with(&PIPS, package, into, bytes).await
}

async fn download_with(
    pips: &[(&str, &[&str])],
    package: &Package,
    into: &Path,
    mut bytes: impl FnMut(u64),
) -> Result<(), InstallError> {
    let scratch = into.join("partial");
    let io = |path: &Path| {
        let path = path.to_owned();
        move |error| InstallError::Io { path, error }
    };
    std::fs::create_dir_all(&scratch).map_err(io(&scratch))?;
    for (program, lead) in pips {
        let mut command = Command::new(program);
        command
            .args(*lead)
            .args(arguments(package))
            .arg("--dest")
            .arg(into);
        // pip writes to a temporary directory first: ours, so that progress can be seen and
        // nothing is left elsewhere.
        command
            .env("TMPDIR", &scratch)
            .env("PYTHONDONTWRITEBYTECODE", "1");
        command
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped());
        command.kill_on_drop(true);
        let Ok(mut child) = command.spawn() else {
            continue;
        };
        let stderr = child.stderr.take();
        let words = async move {
            let mut text = String::new();
            if let Some(mut stderr) = stderr {
                let _whatever_came = stderr.read_to_string(&mut text).await;
            }
            text
        };
        let finished = async { tokio::join!(child.wait(), words) };
        let outcome = watch(finished, &scratch, into, package, &mut bytes).await;
        let _left_over = std::fs::remove_dir_all(&scratch);
        let Some((status, words)) = outcome else {
            return Err(failed(package, "no answer in time"));
        };
        if status.is_ok_and(|s| s.success()) {
            return Ok(());
        }
        if words.contains("No module named pip") {
            continue;
        }
        return Err(failed(package, &last_lines(&words)));
    }
    Err(InstallError::NoPip {
        package: package.name.clone(),
    })
}

/// Waits for pip while looking at how far it has come.
async fn watch<T>(
    finished: impl Future<Output = T>,
    scratch: &Path,
    into: &Path,
    package: &Package,
    bytes: &mut impl FnMut(u64),
) -> Option<T> {
    let mut finished = std::pin::pin!(finished);
    let mut look = tokio::time::interval(LOOK);
    let deadline = tokio::time::sleep(PATIENCE);
    let mut deadline = std::pin::pin!(deadline);
    loop {
        tokio::select! {
            biased;
            outcome = &mut finished => return Some(outcome),
            () = &mut deadline => return None,
            _ = look.tick() => {
                let whole = std::fs::metadata(into.join(&package.wheel)).map_or(0, |m| m.len());
                bytes(whole.max(largest(scratch, 3)).min(package.size));
            }
        }
    }
}

/// The largest file below `dir`, which is the one being fetched.
fn largest(dir: &Path, depth: u32) -> u64 {
    let Ok(entries) = std::fs::read_dir(dir) else {
        return 0;
    };
    let size = |entry: std::fs::DirEntry| match entry.metadata() {
        Ok(meta) if meta.is_dir() && depth > 0 => largest(&entry.path(), depth - 1),
        Ok(meta) => meta.len(),
        Err(_) => 0,
    };
    entries.flatten().map(size).max().unwrap_or(0)
}

fn arguments(package: &Package) -> Vec<String> {
    let mut args: Vec<String> = [
        "download",
        "--quiet",
        "--no-deps",
        "--no-input",
        "--only-binary=:all:",
        "--disable-pip-version-check",
        "--platform",
        &package.platform,
    ]
    .map(str::to_owned)
    .to_vec();
    if let Some(python) = &package.python {
        args.extend(["--python-version".into(), python.clone()]);
    }
    if let Some(abi) = &package.abi {
        args.extend([
            "--implementation".into(),
            "cp".into(),
            "--abi".into(),
            abi.clone(),
        ]);
    }
    args.push(format!("{}=={}", package.name, package.version));
    args
}

fn failed(package: &Package, reason: &str) -> InstallError {
    InstallError::Pip {
        package: format!("{} {}", package.name, package.version),
        reason: reason.to_owned(),
    }
}

/// The end of what pip said: its beginning is warnings.
fn last_lines(words: &str) -> String {
    let lines: Vec<&str> = words
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty())
        .collect();
    let from = lines.len().saturating_sub(LAST_WORDS);
    lines.get(from..).unwrap_or_default().join(" | ")
}

#[cfg(test)]
mod tests {
    use super::super::manifest::Manifest;
    use super::*;

    fn package() -> Package {
        Manifest::builtin()
            .unwrap()
            .packages()
            .first()
            .unwrap()
            .clone()
    }

    #[tokio::test]
    async fn the_exact_wheel_is_asked_for_and_pip_cleans_up_after_itself() {
        let dir = tempfile::tempdir().unwrap();
        let package = package();
        // A pip that notes what it was asked, and leaves a file in its temporary directory.
        let script =
            r#"touch "$TMPDIR/half"; for last; do :; done; printf '%s ' "$@" > "$last/asked""#;
        let pips: [(&str, &[&str]); 2] = [
            ("no-such-program-here", &[]),
            ("sh", &["-c", script, "pip"]),
        ];
        download_with(&pips, &package, dir.path(), |_| ())
            .await
            .unwrap();
        let asked = std::fs::read_to_string(dir.path().join("asked")).unwrap();
        assert!(
            asked.contains(&format!("{}=={}", package.name, package.version)),
            "{asked}"
        );
        assert!(
            asked.contains("--no-deps") && asked.contains(&package.platform),
            "{asked}"
        );
        assert!(!dir.path().join("partial").exists());
    }

    #[tokio::test]
    async fn a_failing_pip_is_quoted_and_an_absent_one_named() {
        let dir = tempfile::tempdir().unwrap();
        let failing: [(&str, &[&str]); 1] = [(
            "sh",
            &[
                "-c",
                "echo WARNING: old >&2; echo ERROR: no network >&2; exit 1",
            ],
        )];
        let error = download_with(&failing, &package(), dir.path(), |_| ())
            .await
            .unwrap_err();
        assert!(error.to_string().contains("ERROR: no network"), "{error}");
        let absent: [(&str, &[&str]); 1] = [("no-such-program-here", &[])];
        let error = download_with(&absent, &package(), dir.path(), |_| ())
            .await
            .unwrap_err();
        assert!(matches!(error, InstallError::NoPip { .. }), "{error}");
    }
}
