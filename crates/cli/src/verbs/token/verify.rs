//! `token verify`: valid or not, by which key, and if not, why.

use serde_json::json;
use trunkline_base::class::Classified as _;

use crate::clock::now;
use crate::failure::Failure;
use crate::global::Global;
use crate::output;
use crate::verbs::keys;

pub(super) fn run(token: &str, global: &Global) -> Result<(), Failure> {
    let ring = keys(global)?;
    let claims = match ring.verify(token, now()) {
        Ok(claims) => claims,
        Err(error) => {
            if global.json {
                let reason = error.to_string();
                output::json(&json!({"valid": false, "code": error.code(), "reason": reason}));
            }
            return Err(error.into());
        }
    };
    let left = claims.exp.saturating_sub(now().secs());
    if global.json {
        output::json(&json!({
            "valid": true, "key": claims.iss, "seconds_left": left, "claims": claims,
        }));
        return Ok(());
    }
    output::line(&format!("valid: signed by {}, {left} s left", claims.iss));
    output::json(&claims);
    Ok(())
}
