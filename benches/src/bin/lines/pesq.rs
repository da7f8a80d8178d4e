//! What a model of the human ear makes of it: the Python package `pesq` (ITU-T P.862), where it is.

use std::fs;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use trunkline_benches::voices::RATE;
use trunkline_media::wav;

/// Scores pairs of what was said and what was heard.
pub(crate) struct Scorer {
    python: PathBuf,
}

/// Reads pairs of WAVE files from its arguments and prints the mean score.
const SCRIPT: &str = "
import sys, wave
import numpy
from pesq import pesq, PesqError
def read(name):
    with wave.open(name) as f:
        return f.getframerate(), numpy.frombuffer(f.readframes(f.getnframes()), dtype='<i2')
scores = []
names = sys.argv[1:]
for said, heard in zip(names[::2], names[1::2]):
    rate, a = read(said)
    _, b = read(heard)
    score = pesq(rate, a, b, 'nb', on_error=PesqError.RETURN_VALUES)
    if score > 0:
        scores.append(score)
print(sum(scores) / len(scores) if scores else '')
";

impl Scorer {
    /// Nothing where the package is not installed.
    pub(crate) fn start() -> Option<Self> {
        let named = std::env::var_os("TRUNKLINE_PYTHON").map(PathBuf::from);
        let python = named.unwrap_or_else(|| trunkline_tests::root().join(".venv/bin/python"));
        let mut import = Command::new(&python);
        import.args(["-c", "import numpy, pesq"]);
        let import = import.stdout(Stdio::null()).stderr(Stdio::null());
        import
            .status()
            .is_ok_and(|status| status.success())
            .then_some(Self { python })
    }

    /// The mean over all pairs that can be scored.
    pub(crate) fn mean<'a>(
        &self,
        pairs: impl Iterator<Item = (&'a Vec<i16>, &'a Vec<i16>)>,
    ) -> Option<f64> {
        let dir = tempfile::tempdir().ok()?;
        let mut command = Command::new(&self.python);
        command.args(["-c", SCRIPT]);
        for (number, (said, heard)) in pairs.enumerate() {
            for (kind, pcm) in [("said", said), ("heard", heard)] {
                let file = dir.path().join(format!("{kind}-{number}.wav"));
                fs::write(&file, wav::write(RATE, 1, pcm)).ok()?;
                command.arg(file);
            }
        }
        let output = command.stderr(Stdio::null()).output().ok()?;
        String::from_utf8_lossy(&output.stdout).trim().parse().ok()
    }
}
