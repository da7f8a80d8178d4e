//! `Connector`: WhatsApp and Twilio calls. LiveKit Cloud only.

use super::{ApiError, LiveKitApiClient, proto, table};

impl LiveKitApiClient {
    /// Places a WhatsApp call. Never repeated: a second one would ring a second time.
    ///
    /// # Errors
    /// [`ApiError`].
    pub async fn dial_whatsapp_call(
        &self,
        request: proto::DialWhatsAppCallRequest,
    ) -> Result<proto::DialWhatsAppCallResponse, ApiError> {
        self.call(&table::DIAL_WHATSAPP_CALL, request).await
    }

    /// Ends a WhatsApp call.
    ///
    /// # Errors
    /// [`ApiError`].
    pub async fn disconnect_whatsapp_call(
        &self,
        request: proto::DisconnectWhatsAppCallRequest,
    ) -> Result<proto::DisconnectWhatsAppCallResponse, ApiError> {
        self.call(&table::DISCONNECT_WHATSAPP_CALL, request).await
    }

    /// Connects the media of a WhatsApp call that was placed. Never repeated.
    ///
    /// # Errors
    /// [`ApiError`].
    pub async fn connect_whatsapp_call(
        &self,
        request: proto::ConnectWhatsAppCallRequest,
    ) -> Result<proto::ConnectWhatsAppCallResponse, ApiError> {
        self.call(&table::CONNECT_WHATSAPP_CALL, request).await
    }

    /// Accepts a WhatsApp call that came in. Never repeated.
    ///
    /// # Errors
    /// [`ApiError`].
    pub async fn accept_whatsapp_call(
        &self,
        request: proto::AcceptWhatsAppCallRequest,
    ) -> Result<proto::AcceptWhatsAppCallResponse, ApiError> {
        self.call(&table::ACCEPT_WHATSAPP_CALL, request).await
    }

    /// Prepares a room for a Twilio call and says where Twilio shall stream it. Never repeated.
    ///
    /// # Errors
    /// [`ApiError`].
    pub async fn connect_twilio_call(
        &self,
        request: proto::ConnectTwilioCallRequest,
    ) -> Result<proto::ConnectTwilioCallResponse, ApiError> {
        self.call(&table::CONNECT_TWILIO_CALL, request).await
    }
}
