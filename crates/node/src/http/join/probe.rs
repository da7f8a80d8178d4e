//! The query of a join, read for the fuzz targets.

use trunkline_base::time::UnixTime;
use trunkline_base::token::{Claims, VideoGrant};

use super::{Asked, Caller, JoinParams, Path, Query, RequestError, Strictness, read};

/// Reads the query of a join as `/rtc` and `/rtc/v1` do. True if either would let the bearer of a
/// good token in; what it says cannot change who that is.
///
/// # Panics
/// When it does, or when strictness takes what leniency refuses.
pub fn reads_query(query: &str) -> bool {
    let ways = [Path::V0, Path::V1].map(|path| {
        let lenient = ask(query, path, Strictness::Lenient);
        let strict = ask(query, path, Strictness::Strict);
        assert!(lenient.is_ok() || strict.is_err(), "the strict take more");
        lenient
    });
    for params in ways.iter().flatten() {
        let identity = params.claims.identity();
        // One who only publishes is another participant of the same bearer.
        assert!(identity == "stranger" || identity.starts_with("stranger#"));
        assert_eq!(params.room.as_str(), "lobby");
    }
    ways.iter().any(Result::is_ok)
}

fn ask(query: &str, path: Path, strictness: Strictness) -> Result<JoinParams, RequestError> {
    let began = UnixTime::from_secs(1_800_000_000);
    let video = VideoGrant::join("lobby");
    let caller = Caller::with(Claims::new("stranger", began, 3_600).with_video(video));
    let asked = Asked {
        caller: &caller,
        query: Query::parse(query),
        path,
        address: "192.0.2.1".to_owned(),
        user_agent: "",
    };
    read(&asked, strictness)
}
