//! `token inspect`: what a token says, read without a key, and what is wrong with that.

use serde_json::{Value, json};
use trunkline_base::time::UnixTime;
use trunkline_base::token::{Claims, ParticipantKind, Unverified};
use trunkline_client::auth::{Fault, Purpose, faults};

use crate::clock::{now, utc};
use crate::failure::Failure;
use crate::global::Global;
use crate::output;

pub(super) fn run(token: &str, global: &Global) -> Result<(), Failure> {
    let shown = Unverified::read(token)?;
    let now = now();
    let warnings = warnings(&shown, now);
    if global.json {
        output::json(&json!({
            "verified": false, "header": shown.header, "claims": shown.raw,
            "times": times(&shown.claims), "warnings": warnings,
        }));
        return Ok(());
    }
    output::text(&page(&shown, now));
    output::json(&shown.raw);
    for warning in &warnings {
        output::line(&format!("warning: {warning}"));
    }
    Ok(())
}

fn times(claims: &Claims) -> Value {
    let time = |secs: Option<u64>| secs.map(|secs| utc(UnixTime::from_secs(secs)));
    json!({
        "issued": time(claims.iat), "not_before": time(claims.nbf),
        "expires": time(Some(claims.exp).filter(|exp| *exp > 0)),
        "life_seconds": claims.life_secs(),
    })
}

fn page(shown: &Unverified, now: UnixTime) -> String {
    let claims = &shown.claims;
    let time = |secs: Option<u64>| {
        secs.map_or_else(|| "-".to_owned(), |secs| utc(UnixTime::from_secs(secs)))
    };
    let room = claims
        .video
        .as_ref()
        .map_or("", |video| video.room.as_str());
    let state = match claims.exp {
        0 => "never".to_owned(),
        exp if exp < now.secs() => format!("{}, {} s ago", time(Some(exp)), now.secs() - exp),
        exp => format!("{}, in {} s", time(Some(exp)), exp - now.secs()),
    };
    let rows = [
        ("key", format!("{} (signature not checked)", claims.iss)),
        ("identity", claims.identity().to_owned()),
        ("kind", claims.kind.as_str().to_owned()),
        ("room", room.to_owned()),
        ("valid from", time(claims.nbf.or(claims.iat))),
        ("expires", state),
    ];
    rows.iter()
        .filter(|(_, value)| !value.is_empty())
        .map(|(name, value)| format!("{name:<11} {value}\n"))
        .collect()
}

/// Everything a reader should stumble over.
fn warnings(shown: &Unverified, now: UnixTime) -> Vec<String> {
    let claims = &shown.claims;
    let mut found = Vec::new();
    if shown.algorithm() != "HS256" {
        found.push("the algorithm is not HS256: no LiveKit server accepts it".to_owned());
    }
    if claims.exp == 0 {
        found.push("there is no expiry: no LiveKit server accepts it".to_owned());
    } else if claims.exp <= now.secs() {
        found.push("it is expired".to_owned());
    }
    if claims.nbf.is_some_and(|nbf| nbf > now.secs()) {
        found.push("it is not valid yet; compare the clocks".to_owned());
    }
    let wrong = faults(claims, purpose(claims));
    // A token without a beginning is judged by its end alone, above.
    let told = wrong.iter().filter(|fault| **fault != Fault::NoLife);
    found.extend(told.map(ToString::to_string));
    if claims.iss == "devkey" {
        found.push("devkey is the development key, whose secret everybody knows".to_owned());
    }
    found.extend(placeholders(claims));
    found
}

/// Whom the token seems to be for.
fn purpose(claims: &Claims) -> Purpose {
    let video = claims.video.as_ref();
    let joins = video.is_some_and(|video| video.room_join);
    if claims.kind == ParticipantKind::Agent || video.is_some_and(|video| video.agent) {
        Purpose::Agent
    } else if !joins {
        Purpose::Server
    } else if claims.kind == ParticipantKind::Standard {
        Purpose::Client
    } else {
        Purpose::Service
    }
}

/// Names that somebody forgot to fill in.
fn placeholders(claims: &Claims) -> Vec<String> {
    const SIGNS: [&str; 8] = [
        "<",
        "your-",
        "your_",
        "changeme",
        "placeholder",
        "example",
        "xxxx",
        "todo",
    ];
    let room = claims
        .video
        .as_ref()
        .map_or("", |video| video.room.as_str());
    let names = [
        ("the API key", claims.iss.as_str()),
        ("the identity", claims.identity()),
        ("the room", room),
        ("the name", claims.name.as_str()),
    ];
    names
        .iter()
        .filter(|(_, name)| {
            let name = name.to_ascii_lowercase();
            SIGNS.iter().any(|sign| name.contains(sign))
        })
        .map(|(what, _)| format!("{what} looks like a placeholder; fill it in"))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use trunkline_base::token::{ApiKey, VideoGrant, sign};

    const NOW: UnixTime = UnixTime::from_secs(1_800_000_000);

    fn warned(claims: &Claims) -> Vec<String> {
        let token = sign(claims, &ApiKey::new("APIx", "s")).unwrap();
        warnings(&Unverified::read(&token).unwrap(), NOW)
    }

    #[test]
    fn a_sound_token_gives_no_warning() {
        let sound = Claims::new("ann", NOW, 600).with_video(VideoGrant::join("lobby"));
        assert_eq!(warned(&sound), Vec::<String>::new());
    }

    #[test]
    fn what_is_wrong_is_told() {
        let wide = VideoGrant {
            room_create: true,
            ..VideoGrant::join("<room>")
        };
        let bad = Claims::new("your-name", NOW, 36_000_000).with_video(wide);
        let told = warned(&bad).join("\n");
        for part in [
            "roomCreate",
            "10000 h",
            "the room looks",
            "the identity looks",
        ] {
            assert!(told.contains(part), "{part} is not in {told}");
        }
        let old = Claims::new("ann", UnixTime::from_secs(1_000), 60);
        assert!(warned(&old).contains(&"it is expired".to_owned()));
        let eternal = Claims {
            exp: 0,
            ..Claims::new("ann", NOW, 60)
        };
        assert!(
            warned(&eternal)
                .iter()
                .any(|told| told.contains("no expiry"))
        );
    }
}
