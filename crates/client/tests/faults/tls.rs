//! TLS: HTTP/2 where the peer has it, HTTP/1.1 where it has no more, and certificate errors in
//! words, for calls and for sockets alike.

use std::sync::Arc;

use axum::Router;
use axum::http::Version;
use axum::routing::post;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DistinguishedName, DnType, IsCa, KeyPair,
};
use rustls::ServerConfig;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, PrivatePkcs8KeyDer};
use tokio::net::TcpListener;
use tokio::task::{JoinHandle, JoinSet};
use tokio_rustls::TlsAcceptor;
use trunkline_base::class::{Class, Classified as _};
use trunkline_base::secret::Secret;
use trunkline_client::api::{ApiError, Failure, LiveKitApiClient};
use trunkline_client::auth::LiveKitAuthManager;
use trunkline_client::room::{Room, RoomOptions};
use trunkline_client::tls::{TlsTrouble, Trust};
use trunkline_client::url::{ServerUrl, TransportRules};

use super::{key, quick};

struct House {
    ca: CertifiedIssuer<'static, KeyPair>,
}

impl House {
    fn new() -> Self {
        Self::named("Our CA")
    }

    fn named(name: &str) -> Self {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.distinguished_name = DistinguishedName::new();
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let ca = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
        Self { ca }
    }

    /// A server with a certificate for this name and these years.
    async fn server(&self, name: &str, years: (i32, i32), protocols: &[&[u8]]) -> Server {
        let mut params = CertificateParams::new(vec![name.to_owned()]).unwrap();
        params.not_before = rcgen::date_time_ymd(years.0, 1, 1);
        params.not_after = rcgen::date_time_ymd(years.1, 1, 1);
        let pair = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&pair, &self.ca).unwrap();
        Self::show(certificate.der().clone(), &pair, protocols).await
    }

    /// A server that shows the CA's own certificate.
    async fn shown_itself(&self) -> Server {
        Self::show(self.ca.der().clone(), self.ca.key(), &[b"h2"]).await
    }

    async fn show(
        certificate: CertificateDer<'static>,
        pair: &KeyPair,
        protocols: &[&[u8]],
    ) -> Server {
        let secret = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(pair.serialize_der()));
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let mut config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![certificate], secret)
            .unwrap();
        config.alpn_protocols = protocols.iter().map(|one| one.to_vec()).collect();
        Server::start(TlsAcceptor::from(Arc::new(config))).await
    }

    /// The CA's certificate as its file holds it.
    fn pem(&self) -> String {
        let body = STANDARD.encode(self.ca.der());
        format!("-----BEGIN CERTIFICATE-----\n{body}\n-----END CERTIFICATE-----\n")
    }

    fn rules(&self) -> Arc<TransportRules> {
        Arc::new(TransportRules {
            trust: Some(Trust::with_pem(self.pem().as_bytes()).unwrap()),
            ..TransportRules::default()
        })
    }
}

struct Server {
    port: u16,
    task: JoinHandle<()>,
}

impl Drop for Server {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Server {
    async fn start(acceptor: TlsAcceptor) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        #[expect(clippy::disallowed_methods, reason = "aborted with the server")]
        let task = tokio::spawn(async move {
            let mut connections = JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                let acceptor = acceptor.clone();
                connections.spawn(async move {
                    if let Ok(stream) = acceptor.accept(stream).await {
                        serve(stream).await;
                    }
                });
            }
        });
        Self { port, task }
    }

    fn url(&self, rules: &Arc<TransportRules>) -> ServerUrl {
        let url = format!("wss://localhost:{}", self.port);
        ServerUrl::parse_under(&url, Arc::clone(rules)).unwrap()
    }

    fn client(&self, rules: &Arc<TransportRules>) -> LiveKitApiClient {
        let auth = LiveKitAuthManager::new(key("a").into());
        let mut options = quick();
        options.deadline = std::time::Duration::from_secs(10);
        LiveKitApiClient::with(self.url(rules), auth, options).unwrap()
    }
}

/// Answers every call with a room named after the version of HTTP it came by.
async fn serve(stream: tokio_rustls::server::TlsStream<tokio::net::TcpStream>) {
    use livekit_protocol as proto;
    use prost::Message as _;
    async fn version(version: Version) -> Vec<u8> {
        let rooms = vec![proto::Room {
            name: format!("{version:?}"),
            ..Default::default()
        }];
        proto::ListRoomsResponse { rooms }.encode_to_vec()
    }
    let app = Router::new().route("/{*path}", post(version));
    let service = hyper_util::service::TowerToHyperService::new(app);
    let io = hyper_util::rt::TokioIo::new(stream);
    let executor = hyper_util::rt::TokioExecutor::new();
    let server = hyper_util::server::conn::auto::Builder::new(executor);
    drop(server.serve_connection(io, service).await);
}

async fn failure(server: &Server, rules: &Arc<TransportRules>) -> (TlsTrouble, ApiError) {
    let error = server.client(rules).list_rooms(&[]).await.unwrap_err();
    match &error.failure {
        Failure::Tls(trouble) => (trouble.clone(), error),
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn http_2_is_spoken_where_the_peer_has_it_and_http_1_where_not() {
    let house = House::new();
    for (protocols, version) in [
        (&[b"h2".as_slice(), b"http/1.1"][..], "HTTP/2.0"),
        (&[b"http/1.1".as_slice()][..], "HTTP/1.1"),
        (&[][..], "HTTP/1.1"),
    ] {
        let server = house.server("localhost", (2020, 2090), protocols).await;
        let rooms = server.client(&house.rules()).list_rooms(&[]).await.unwrap();
        assert_eq!(rooms[0].name, version);
    }
}

#[tokio::test]
async fn certificate_errors_are_told_in_words_with_their_remedy() {
    let house = House::new();
    let expired = house.server("localhost", (2020, 2021), &[b"h2"]).await;
    let (trouble, error) = failure(&expired, &house.rules()).await;
    assert_eq!(trouble, TlsTrouble::Expired);
    assert!(error.to_string().contains("renew it"), "{error}");
    assert_eq!(
        (error.code(), error.class()),
        ("client.api.tls", Class::Peer)
    );
    assert_eq!(error.attempts, 1, "it would be expired again");

    let early = house.server("localhost", (2080, 2090), &[b"h2"]).await;
    let (trouble, _) = failure(&early, &house.rules()).await;
    assert_eq!(trouble, TlsTrouble::NotYetValid);

    let other = house
        .server("livekit.example", (2020, 2090), &[b"h2"])
        .await;
    let (trouble, error) = failure(&other, &house.rules()).await;
    assert!(matches!(trouble, TlsTrouble::WrongName { .. }));
    assert!(error.to_string().contains("livekit.example"), "{error}");

    for stranger in [House::named("Their CA"), House::named("Our CA")] {
        let stranger = stranger.server("localhost", (2020, 2090), &[b"h2"]).await;
        let (trouble, error) = failure(&stranger, &house.rules()).await;
        assert!(matches!(
            trouble,
            TlsTrouble::UnknownIssuer | TlsTrouble::NoBundle
        ));
        assert!(error.to_string().contains("ca_file"), "{error}");
    }
}

/// What `openssl req -x509` makes: a certificate that signed itself, and calls itself a CA's.
#[tokio::test]
async fn a_certificate_that_signed_itself_is_believed_where_it_is_named_and_for_its_own_name() {
    let signed = |name: &str, years: (i32, i32)| {
        let mut params = CertificateParams::new(vec![name.to_owned()]).unwrap();
        params.not_before = rcgen::date_time_ymd(years.0, 1, 1);
        params.not_after = rcgen::date_time_ymd(years.1, 1, 1);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let pair = KeyPair::generate().unwrap();
        let house = House {
            ca: CertifiedIssuer::self_signed(params, pair).unwrap(),
        };
        async move { (house.shown_itself().await, house) }
    };
    let (server, house) = signed("localhost", (2020, 2090)).await;
    assert!(server.client(&house.rules()).list_rooms(&[]).await.is_ok());
    let (trouble, _) = failure(&server, &House::new().rules()).await;
    assert!(matches!(
        trouble,
        TlsTrouble::UnknownIssuer | TlsTrouble::NoBundle
    ));
    let (other, house) = signed("livekit.example", (2020, 2090)).await;
    let (trouble, _) = failure(&other, &house.rules()).await;
    assert!(matches!(trouble, TlsTrouble::WrongName { .. }), "{trouble}");
    let (expired, house) = signed("localhost", (2020, 2021)).await;
    let (trouble, _) = failure(&expired, &house.rules()).await;
    assert_eq!(trouble, TlsTrouble::Expired);
}

#[tokio::test]
async fn a_server_without_tls_on_that_port_is_named_as_such() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    #[expect(clippy::disallowed_methods, reason = "aborted with the server")]
    let task = tokio::spawn(async { axum::serve(listener, Router::new()).await.unwrap() });
    let server = Server { port, task };
    let rules = House::new().rules();
    let error = server.client(&rules).list_rooms(&[]).await.unwrap_err();
    assert!(
        matches!(error.failure, Failure::Tls(TlsTrouble::NotTls)),
        "{error:?}"
    );
}

#[tokio::test]
async fn a_room_is_joined_by_the_same_trust() {
    let house = House::new();
    let stranger = House::new().server("localhost", (2020, 2090), &[]).await;
    let token = Secret::new("token".to_owned());
    let url = stranger.url(&house.rules());
    let error = Room::connect(url, token, RoomOptions::default())
        .await
        .unwrap_err();
    let source = std::error::Error::source(&error).unwrap().to_string();
    assert!(source.contains("ca_file"), "{source}");
}
