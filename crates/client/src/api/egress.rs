//! `Egress`: recordings and streams out of rooms.

use super::paging::pages;
use super::{ApiError, LiveKitApiClient, proto, table};

impl LiveKitApiClient {
    /// Starts an egress of any source. Never repeated: a second one would record a second time.
    ///
    /// # Errors
    /// [`ApiError`].
    pub async fn start_egress(
        &self,
        request: proto::StartEgressRequest,
    ) -> Result<proto::EgressInfo, ApiError> {
        self.call(&table::START_EGRESS, request).await
    }

    /// Records or streams a room, laid out as one picture. Never repeated.
    ///
    /// # Errors
    /// [`ApiError`].
    pub async fn start_room_composite_egress(
        &self,
        request: proto::RoomCompositeEgressRequest,
    ) -> Result<proto::EgressInfo, ApiError> {
        self.call(&table::START_ROOM_COMPOSITE_EGRESS, request)
            .await
    }

    /// Records or streams a web page. The egress host fetches the address: only pass addresses
    /// you would let it fetch. Never repeated.
    ///
    /// # Errors
    /// [`ApiError`].
    pub async fn start_web_egress(
        &self,
        request: proto::WebEgressRequest,
    ) -> Result<proto::EgressInfo, ApiError> {
        self.call(&table::START_WEB_EGRESS, request).await
    }

    /// Records or streams one participant. Never repeated.
    ///
    /// # Errors
    /// [`ApiError`].
    pub async fn start_participant_egress(
        &self,
        request: proto::ParticipantEgressRequest,
    ) -> Result<proto::EgressInfo, ApiError> {
        self.call(&table::START_PARTICIPANT_EGRESS, request).await
    }

    /// Records or streams an audio and a video track together. Never repeated.
    ///
    /// # Errors
    /// [`ApiError`].
    pub async fn start_track_composite_egress(
        &self,
        request: proto::TrackCompositeEgressRequest,
    ) -> Result<proto::EgressInfo, ApiError> {
        self.call(&table::START_TRACK_COMPOSITE_EGRESS, request)
            .await
    }

    /// Exports one track as it is. Never repeated.
    ///
    /// # Errors
    /// [`ApiError`].
    pub async fn start_track_egress(
        &self,
        request: proto::TrackEgressRequest,
    ) -> Result<proto::EgressInfo, ApiError> {
        self.call(&table::START_TRACK_EGRESS, request).await
    }

    /// Changes the layout of a running composite.
    ///
    /// # Errors
    /// [`ApiError`].
    pub async fn update_layout(
        &self,
        request: proto::UpdateLayoutRequest,
    ) -> Result<proto::EgressInfo, ApiError> {
        self.call(&table::UPDATE_LAYOUT, request).await
    }

    /// Adds outputs to a running stream, or takes them away. Never repeated: adding twice is an
    /// error.
    ///
    /// # Errors
    /// [`ApiError`].
    pub async fn update_stream(
        &self,
        request: proto::UpdateStreamRequest,
    ) -> Result<proto::EgressInfo, ApiError> {
        self.call(&table::UPDATE_STREAM, request).await
    }

    /// One page of the egresses that match.
    ///
    /// # Errors
    /// [`ApiError`].
    pub async fn list_egress(
        &self,
        request: proto::ListEgressRequest,
    ) -> Result<proto::ListEgressResponse, ApiError> {
        self.call(&table::LIST_EGRESS, request).await
    }

    /// Stops an egress. The answer is empty where a repeat found it stopped already.
    ///
    /// # Errors
    /// [`ApiError`].
    pub async fn stop_egress(
        &self,
        request: proto::StopEgressRequest,
    ) -> Result<proto::EgressInfo, ApiError> {
        self.call(&table::STOP_EGRESS, request).await
    }

    /// Lists every egress that matches, following the server's pages to the end.
    ///
    /// # Errors
    /// [`ApiError`].
    pub async fn list_all_egress(
        &self,
        mut request: proto::ListEgressRequest,
    ) -> Result<Vec<proto::EgressInfo>, ApiError> {
        pages(table::LIST_EGRESS.info().name, async |page_token| {
            request.page_token = page_token;
            let page = self.call(&table::LIST_EGRESS, request.clone()).await?;
            Ok((page.items, page.next_page_token))
        })
        .await
    }
}
