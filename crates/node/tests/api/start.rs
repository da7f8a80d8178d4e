//! Starting: what is refused, and what a busy port says. And the plain face of the port.

use std::net::SocketAddr;

use trunkline_node::{Node, NodeConfig, StartError};
use trunkline_service::tasks::Tasks;
use trunkline_store::Store;

use crate::support::{Server, joiner};

async fn start(config: NodeConfig) -> Result<(), StartError> {
    let store = Store::open(":memory:").await.unwrap();
    Node::start(config, store, Tasks::new()).await.map(drop)
}

#[tokio::test]
async fn a_busy_port_is_named_with_the_remedy() {
    let server = Server::start().await;
    let taken = server.node.http_addr();
    let config = NodeConfig {
        http: taken,
        ..NodeConfig::dev().with_free_ports()
    };
    let text = start(config).await.unwrap_err().to_string();
    assert!(
        text.contains(&format!(
            "port {} of 127.0.0.1 (HTTP) is in use",
            taken.port()
        )),
        "{text}"
    );
    let taken = server.node.udp_addr();
    let config = NodeConfig {
        rtc_udp: taken,
        ..NodeConfig::dev().with_free_ports()
    };
    let text = start(config).await.unwrap_err().to_string();
    assert!(
        text.contains(&format!("port {} of 127.0.0.1 (media, UDP)", taken.port())),
        "{text}"
    );
}

#[tokio::test]
async fn development_mode_does_not_leave_the_machine() {
    let everywhere = SocketAddr::from(([0, 0, 0, 0], 0));
    let config = NodeConfig {
        http: everywhere,
        ..NodeConfig::dev()
    };
    assert!(matches!(
        start(config).await,
        Err(StartError::DevNotLoopback { .. })
    ));
    let config = NodeConfig {
        dev: false,
        ..NodeConfig::dev().with_free_ports()
    };
    assert!(matches!(start(config).await, Err(StartError::DevKeys)));
}

#[tokio::test]
async fn the_port_says_it_is_well_and_ends_cleanly() {
    let server = Server::start().await;
    let response = server.client.get(server.url("/")).send().await.unwrap();
    assert_eq!(
        (
            response.status().as_u16(),
            response.text().await.unwrap().as_str()
        ),
        (200, "OK")
    );
    let head = server.client.head(server.url("/")).send().await.unwrap();
    assert_eq!(head.status(), 200);
    let missing = server
        .client
        .get(server.url("/settings/regions"))
        .send()
        .await
        .unwrap();
    assert_eq!(missing.status(), 404);
    assert!(server.stop().await, "every task ends by itself");
}

#[tokio::test]
async fn a_page_from_anywhere_may_ask() {
    let server = Server::start().await;
    let preflight = server
        .client
        .request(
            http::Method::OPTIONS,
            server.url("/twirp/livekit.RoomService/ListRooms"),
        )
        .header("origin", "https://example.com")
        .header("access-control-request-method", "POST")
        .header(
            "access-control-request-headers",
            "authorization,content-type",
        )
        .send()
        .await
        .unwrap();
    assert!(preflight.status().is_success());
    let headers = preflight.headers();
    assert_eq!(headers["access-control-allow-origin"], "*");
    assert_eq!(
        headers["access-control-allow-headers"],
        "authorization,content-type"
    );
    assert_eq!(headers["access-control-max-age"], "86400");
}

#[tokio::test]
async fn a_careless_double_slash_is_forgiven() {
    let server = Server::start().await;
    let (status, text) = server
        .get("//rtc/validate", &joiner("alice", "lobby"))
        .await;
    assert_eq!((status.as_u16(), text.as_str()), (200, "success"));
}

#[tokio::test]
async fn sockets_only_where_sockets_are_served() {
    let server = Server::start().await;
    for path in ["/rtc", "/rtc/v1", "/agent"] {
        assert_eq!(
            server.get(path, &joiner("alice", "lobby")).await.0,
            404,
            "{path}"
        );
    }
}
