//! Names of deployments, which become parts of topics in LiveKit and must not break them.

/// Why a name cannot be one of a deployment, in LiveKit's words.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum DeploymentError {
    #[error("deployment exceeds {MAX_BYTES} bytes")]
    TooLong,
    #[error("deployment contains reserved character '_'")]
    Reserved,
    #[error("deployment contains whitespace or control byte at position {at}")]
    Blank { at: usize },
}

/// Checks a name; none is fine.
pub(crate) fn check_deployment(name: &str) -> Result<(), DeploymentError> {
    if name.len() > MAX_BYTES {
        return Err(DeploymentError::TooLong);
    }
    for (at, byte) in name.bytes().enumerate() {
        match byte {
            b'_' => return Err(DeploymentError::Reserved),
            0..=b' ' | 0x7f => return Err(DeploymentError::Blank { at }),
            _ => {}
        }
    }
    Ok(())
}

const MAX_BYTES: usize = 64;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_flaw_is_told() {
        let text = |name: &str| check_deployment(name).unwrap_err().to_string();
        assert!(check_deployment("").is_ok() && check_deployment("blue-2").is_ok());
        assert_eq!(text("a_b"), "deployment contains reserved character '_'");
        assert_eq!(
            text("ab c"),
            "deployment contains whitespace or control byte at position 2"
        );
        assert_eq!(text(&"d".repeat(65)), "deployment exceeds 64 bytes");
    }
}
