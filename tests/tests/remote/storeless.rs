//! A LiveKit without Redis: its SIP API says "not connected", and everything else works.

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};

use super::house::{House, Singer, call, recordings, talk};

/// What livekit-server answers without Redis.
const NOT_CONNECTED: &str = r#"{"code":"internal","msg":"sip not connected (redis required)"}"#;

/// In front of a node: answers for the SIP API, passes on the rest.
async fn without_sip_api(node: String) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let addr = listener.local_addr().unwrap();
    #[expect(clippy::disallowed_methods, reason = "ends with the test's runtime")]
    drop(tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            drop(tokio::spawn(carry(stream, node.clone())));
        }
    }));
    format!("ws://{addr}")
}

async fn carry(mut stream: TcpStream, node: String) -> std::io::Result<()> {
    let mut head = vec![0; 16 * 1024];
    let length = stream.read(&mut head).await?;
    if head.starts_with(b"POST /twirp/livekit.SIP/") {
        let answer = format!(
            "HTTP/1.1 500 Internal Server Error\r\nContent-Type: application/json\r\n\
             Content-Length: {}\r\nConnection: close\r\n\r\n{NOT_CONNECTED}",
            NOT_CONNECTED.len()
        );
        return stream.write_all(answer.as_bytes()).await;
    }
    let mut behind = TcpStream::connect(node).await?;
    behind.write_all(&head[..length]).await?;
    copy_bidirectional(&mut stream, &mut behind).await?;
    Ok(())
}

/// The trunks and rules of the gateway's file rule by themselves, and the call is recorded and
/// journalled without a webhook.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_livekit_that_keeps_no_trunks_gets_calls_all_the_same_and_they_are_recorded() {
    let house = House::open();
    let url = without_sip_api(house.http().to_owned()).await;
    let gateway = house.gateway(url.clone());
    let mut singer = Singer::start(&url, &house.ring).await;
    let (call, mut agent) = tokio::join!(call(&gateway, "100"), singer.perform());
    let mut call = call.unwrap();
    talk(&mut call, &mut agent, None).await;
    call.hangup().await;
    agent.leave().await;
    singer.stop().await;
    let recorded = recordings(&gateway).await;
    assert_eq!(recorded.len(), 1, "{recorded:?}");
    assert_eq!(recorded[0].0, "complete");
    let log = gateway.log();
    assert!(
        log.contains("the server keeps no trunks and rules"),
        "{log}"
    );
}
