//! What is checked about a wish to record before anybody is asked to do it.

use livekit_protocol as proto;
use proto::start_egress_request::Source;

use super::EgressError;

/// A request to start a recording, of any kind.
pub(crate) trait Wanted {
    /// The room it is about; empty where none is.
    fn room(&self) -> &str;
    /// # Errors
    /// The first field that is missing or wrong.
    fn check(&self) -> Result<(), EgressError>;
}

impl Wanted for proto::StartEgressRequest {
    fn room(&self) -> &str {
        &self.room_name
    }

    fn check(&self) -> Result<(), EgressError> {
        match self.source.as_ref() {
            None => return Err(EgressError::Field("source")),
            Some(Source::Web(web)) => {
                web_url(&web.url)?;
                something(web.audio_only, web.video_only)?;
            }
            Some(Source::Template(template)) => {
                base_url(&template.custom_base_url)?;
                something(template.audio_only, template.video_only)?;
                required(&self.room_name, "room_name")?;
            }
            Some(Source::Media(_)) => required(&self.room_name, "room_name")?,
        }
        output(!self.outputs.is_empty())
    }
}

impl Wanted for proto::RoomCompositeEgressRequest {
    fn room(&self) -> &str {
        &self.room_name
    }

    fn check(&self) -> Result<(), EgressError> {
        base_url(&self.custom_base_url)?;
        something(self.audio_only, self.video_only)?;
        output(
            self.output.is_some()
                || !self.file_outputs.is_empty()
                || !self.stream_outputs.is_empty()
                || !self.segment_outputs.is_empty()
                || !self.image_outputs.is_empty(),
        )?;
        required(&self.room_name, "room_name")
    }
}

impl Wanted for proto::WebEgressRequest {
    fn room(&self) -> &'static str {
        ""
    }

    fn check(&self) -> Result<(), EgressError> {
        web_url(&self.url)?;
        something(self.audio_only, self.video_only)?;
        output(
            self.output.is_some()
                || !self.file_outputs.is_empty()
                || !self.stream_outputs.is_empty()
                || !self.segment_outputs.is_empty()
                || !self.image_outputs.is_empty(),
        )
    }
}

impl Wanted for proto::ParticipantEgressRequest {
    fn room(&self) -> &str {
        &self.room_name
    }

    fn check(&self) -> Result<(), EgressError> {
        required(&self.identity, "identity")?;
        output(
            !self.file_outputs.is_empty()
                || !self.stream_outputs.is_empty()
                || !self.segment_outputs.is_empty()
                || !self.image_outputs.is_empty(),
        )?;
        required(&self.room_name, "room_name")
    }
}

impl Wanted for proto::TrackCompositeEgressRequest {
    fn room(&self) -> &str {
        &self.room_name
    }

    fn check(&self) -> Result<(), EgressError> {
        if self.audio_track_id.is_empty() && self.video_track_id.is_empty() {
            return Err(EgressError::Field("audio_track_id or video_track_id"));
        }
        output(
            self.output.is_some()
                || !self.file_outputs.is_empty()
                || !self.stream_outputs.is_empty()
                || !self.segment_outputs.is_empty()
                || !self.image_outputs.is_empty(),
        )?;
        required(&self.room_name, "room_name")
    }
}

impl Wanted for proto::TrackEgressRequest {
    fn room(&self) -> &str {
        &self.room_name
    }

    fn check(&self) -> Result<(), EgressError> {
        required(&self.track_id, "track_id")?;
        output(self.output.is_some())?;
        required(&self.room_name, "room_name")
    }
}

const fn required(text: &str, field: &'static str) -> Result<(), EgressError> {
    if text.is_empty() {
        Err(EgressError::Field(field))
    } else {
        Ok(())
    }
}

const fn output(given: bool) -> Result<(), EgressError> {
    if given {
        Ok(())
    } else {
        Err(EgressError::Field("output"))
    }
}

/// Neither sound nor picture is nothing to record.
const fn something(audio_only: bool, video_only: bool) -> Result<(), EgressError> {
    if audio_only && video_only {
        Err(EgressError::Field("audio_only and video_only"))
    } else {
        Ok(())
    }
}

fn web_url(url: &str) -> Result<(), EgressError> {
    if is_http(url) {
        Ok(())
    } else {
        Err(EgressError::Field("web url"))
    }
}

fn base_url(url: &str) -> Result<(), EgressError> {
    if url.is_empty() || is_http(url) {
        Ok(())
    } else {
        Err(EgressError::Field("template base url"))
    }
}

fn is_http(url: &str) -> bool {
    reqwest::Url::parse(url).is_ok_and(|url| matches!(url.scheme(), "http" | "https"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn field(wanted: &impl Wanted) -> String {
        wanted.check().unwrap_err().to_string()
    }

    #[test]
    fn the_field_that_is_missing_is_named() {
        let mut track = proto::TrackEgressRequest::default();
        assert_eq!(
            field(&track),
            "request has missing or invalid field: track_id"
        );
        track.track_id = "TR_1".to_owned();
        assert!(field(&track).ends_with("output"));
        let web = proto::WebEgressRequest {
            url: "ftp://host".to_owned(),
            ..Default::default()
        };
        assert!(field(&web).ends_with("web url"));
        let composite = proto::RoomCompositeEgressRequest {
            audio_only: true,
            video_only: true,
            ..Default::default()
        };
        assert!(field(&composite).ends_with("audio_only and video_only"));
        assert!(field(&proto::StartEgressRequest::default()).ends_with("source"));
    }

    #[test]
    fn a_whole_request_passes() {
        let composite = proto::RoomCompositeEgressRequest {
            room_name: "lobby".to_owned(),
            audio_only: true,
            file_outputs: vec![proto::EncodedFileOutput::default()],
            ..Default::default()
        };
        assert!(composite.check().is_ok());
    }
}
