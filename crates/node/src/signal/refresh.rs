//! Fresh tokens for clients that are already in, so that a reconnect never meets an expired one.

use std::time::Duration;

use trunkline_base::time::UnixTime;
use trunkline_base::token::{Claims, KeyRing, SignError, sign};

use super::metadata::Profile;
use super::permission::Permission;

/// How often a client gets a new token without any change.
pub(crate) const EVERY: Duration = Duration::from_secs(300);

/// Life of a refreshed token whose original had less left.
const SHORTEST_SECS: u64 = 600;

/// A token for the same participant as it is now, signed with the first key.
pub(crate) fn token(
    original: &Claims,
    profile: &Profile,
    permission: &Permission,
    keys: &KeyRing,
    now: UnixTime,
) -> Result<String, SignError> {
    let mut claims = original.clone();
    claims.sub = original.identity().to_owned();
    claims.nbf = Some(now.secs());
    claims.iat = Some(now.secs());
    claims.exp = original.exp.max(now.secs() + SHORTEST_SECS);
    claims.name.clone_from(&profile.name);
    claims.metadata.clone_from(&profile.metadata);
    claims.attributes.clone_from(&profile.attributes);
    permission.write_to(claims.video.get_or_insert_default());
    sign(&claims, &keys.active())
}

#[cfg(test)]
mod tests {
    use trunkline_base::token::{ApiKey, VideoGrant};

    use super::*;

    #[test]
    fn a_refreshed_token_says_what_is_true_now_and_outlives_the_first() {
        let keys = KeyRing::from(ApiKey::new("devkey", "secret"));
        let start = UnixTime::from_secs(1_000);
        let original = Claims::new("ann", start, 60).with_video(VideoGrant::join("lobby"));
        let mut permission = Permission::from_grant(&VideoGrant::join("lobby"));
        permission.publish = false;
        let profile = Profile {
            name: "Ann".to_owned(),
            ..Profile::default()
        };
        let later = start.plus(Duration::from_secs(50));
        let text = token(&original, &profile, &permission, &keys, later).unwrap();
        let claims = keys
            .verify(&text, start.plus(Duration::from_secs(640)))
            .unwrap();
        assert_eq!((claims.identity(), claims.name.as_str()), ("ann", "Ann"));
        let video = claims.video.unwrap();
        assert!(video.room_join && !video.may_publish());
        assert_eq!(video.room, "lobby");
    }

    #[test]
    fn a_long_life_is_kept() {
        let keys = KeyRing::from(ApiKey::new("devkey", "secret"));
        let start = UnixTime::from_secs(1_000);
        let original = Claims::new("ann", start, 21_600).with_video(VideoGrant::join("lobby"));
        let permission = Permission::from_grant(&VideoGrant::join("lobby"));
        let text = token(&original, &Profile::default(), &permission, &keys, start).unwrap();
        assert_eq!(keys.verify(&text, start).unwrap().exp, original.exp);
    }
}
