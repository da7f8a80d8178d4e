//! `Ingress`: media from outside into rooms.

use super::paging::pages;
use super::{ApiError, LiveKitApiClient, proto, table};

impl LiveKitApiClient {
    /// Creates an ingress. Never repeated: each gets a stream key of its own.
    ///
    /// # Errors
    /// [`ApiError`].
    pub async fn create_ingress(
        &self,
        request: proto::CreateIngressRequest,
    ) -> Result<proto::IngressInfo, ApiError> {
        self.call(&table::CREATE_INGRESS, request).await
    }

    /// Changes an ingress.
    ///
    /// # Errors
    /// [`ApiError`].
    pub async fn update_ingress(
        &self,
        request: proto::UpdateIngressRequest,
    ) -> Result<proto::IngressInfo, ApiError> {
        self.call(&table::UPDATE_INGRESS, request).await
    }

    /// One page of the ingresses that match.
    ///
    /// # Errors
    /// [`ApiError`].
    pub async fn list_ingress(
        &self,
        request: proto::ListIngressRequest,
    ) -> Result<proto::ListIngressResponse, ApiError> {
        self.call(&table::LIST_INGRESS, request).await
    }

    /// Deletes an ingress. The answer is empty where a repeat found it gone already.
    ///
    /// # Errors
    /// [`ApiError`].
    pub async fn delete_ingress(
        &self,
        request: proto::DeleteIngressRequest,
    ) -> Result<proto::IngressInfo, ApiError> {
        self.call(&table::DELETE_INGRESS, request).await
    }

    /// Lists every ingress that matches, following the server's pages to the end.
    ///
    /// # Errors
    /// [`ApiError`].
    pub async fn list_all_ingress(
        &self,
        mut request: proto::ListIngressRequest,
    ) -> Result<Vec<proto::IngressInfo>, ApiError> {
        pages(table::LIST_INGRESS.info().name, async |page_token| {
            request.page_token = page_token;
            let page = self.call(&table::LIST_INGRESS, request.clone()).await?;
            Ok((page.items, page.next_page_token))
        })
        .await
    }
}
