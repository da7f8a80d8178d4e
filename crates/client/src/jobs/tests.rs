//! A worker against a wire-true server: a real socket on loopback whose far end each test plays.

use std::time::Duration;

use futures::{SinkExt as _, StreamExt as _};
use livekit_protocol as proto;
use prost::Message as _;
use proto::server_message::Message as FromServer;
use proto::worker_message::Message as ToServer;
use tokio::net::{TcpListener, TcpStream};
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::Message;
use tokio_tungstenite::tungstenite::handshake::server::{ErrorResponse, Request, Response};
use trunkline_base::id::ParticipantIdentity;
use trunkline_base::retry::RetryPolicy;
use trunkline_base::time::UnixTime;
use trunkline_base::token::ApiKey;

use super::*;

/// Every wait of these tests ends by then.
const LIMIT: Duration = Duration::from_secs(10);

struct Server {
    listener: TcpListener,
}

struct Session {
    socket: WebSocketStream<TcpStream>,
}

impl Server {
    async fn bind() -> Self {
        Self {
            listener: TcpListener::bind("127.0.0.1:0").await.unwrap(),
        }
    }

    fn url(&self) -> String {
        format!("ws://{}/prefix", self.listener.local_addr().unwrap())
    }

    fn start(&self, options: WorkerOptions) -> (Worker, JobOffers) {
        Worker::start(&self.url(), keys(), options).unwrap()
    }

    /// Accepts a socket, checks its token, reads the registration and answers it.
    async fn registered(&self) -> (Session, proto::RegisterWorkerRequest) {
        let accepting = async {
            let (stream, _) = self.listener.accept().await.unwrap();
            #[expect(
                clippy::result_large_err,
                reason = "the signature tungstenite asks for"
            )]
            let check =
                |request: &Request, response: Response| -> Result<Response, ErrorResponse> {
                    assert_eq!(request.uri().path(), "/prefix/agent");
                    let bearer = request.headers()["authorization"].to_str().unwrap();
                    let token = bearer.strip_prefix("Bearer ").unwrap();
                    let now = UnixTime::from_system(std::time::SystemTime::now());
                    assert!(keys().verify(token, now).unwrap().video.unwrap().agent);
                    Ok(response)
                };
            let socket = tokio_tungstenite::accept_hdr_async(stream, check)
                .await
                .unwrap();
            let mut session = Session { socket };
            let ToServer::Register(request) = session.recv().await else {
                panic!("first message is not a registration");
            };
            session
                .send(FromServer::Register(proto::RegisterWorkerResponse {
                    worker_id: "AW_1".into(),
                    ..Default::default()
                }))
                .await;
            (session, request)
        };
        tokio::time::timeout(LIMIT, accepting).await.unwrap()
    }
}

impl Session {
    async fn recv(&mut self) -> ToServer {
        loop {
            let next = tokio::time::timeout(LIMIT, self.socket.next())
                .await
                .unwrap();
            if let Message::Binary(bytes) = next.unwrap().unwrap() {
                return proto::WorkerMessage::decode(bytes)
                    .unwrap()
                    .message
                    .unwrap();
            }
        }
    }

    /// The next message of a kind; reports and pings in between are passed over.
    async fn recv_until<T>(&mut self, pick: impl Fn(ToServer) -> Option<T>) -> T {
        loop {
            if let Some(found) = pick(self.recv().await) {
                return found;
            }
        }
    }

    async fn send(&mut self, message: FromServer) {
        let message = proto::ServerMessage {
            message: Some(message),
        };
        self.socket
            .send(Message::Binary(message.encode_to_vec().into()))
            .await
            .unwrap();
    }

    async fn offer(&mut self, id: &str) {
        let job = Some(job(id));
        self.send(FromServer::Availability(proto::AvailabilityRequest {
            job,
            resuming: false,
        }))
        .await;
    }

    async fn assign(&mut self, id: &str) {
        let assignment = proto::JobAssignment {
            job: Some(job(id)),
            url: None,
            token: "job-token".into(),
        };
        self.send(FromServer::Assignment(assignment)).await;
    }

    async fn availability(&mut self) -> proto::AvailabilityResponse {
        self.recv_until(|message| match message {
            ToServer::Availability(answer) => Some(answer),
            _ => None,
        })
        .await
    }

    async fn job_update(&mut self, wanted: proto::JobStatus) -> proto::UpdateJobStatus {
        self.recv_until(|message| match message {
            ToServer::UpdateJob(update) if update.status() == wanted => Some(update),
            _ => None,
        })
        .await
    }

    async fn full(&mut self) {
        self.recv_until(|message| match message {
            ToServer::UpdateWorker(status) if status.status() == proto::WorkerStatus::WsFull => {
                Some(())
            }
            _ => None,
        })
        .await;
    }
}

fn keys() -> KeyRing {
    KeyRing::from(ApiKey::new("devkey", "secret"))
}

fn options() -> WorkerOptions {
    WorkerOptions {
        agent_name: "greeter".into(),
        reconnect: RetryPolicy {
            base: Duration::from_millis(1),
            cap: Duration::from_millis(5),
            ..WorkerOptions::default().reconnect
        },
        ..WorkerOptions::default()
    }
}

fn job(id: &str) -> proto::Job {
    proto::Job {
        id: id.into(),
        room: Some(proto::Room {
            name: "lobby".into(),
            sid: "RM_1".into(),
            ..Default::default()
        }),
        metadata: "call".into(),
        ..Default::default()
    }
}

async fn next(offers: &mut JobOffers) -> JobOffer {
    tokio::time::timeout(LIMIT, offers.next())
        .await
        .unwrap()
        .unwrap()
}

/// A worker with one running job.
async fn with_job(server: &Server, options: WorkerOptions) -> (Worker, JobOffers, Session, Job) {
    let (worker, mut offers) = server.start(options);
    let (mut session, _) = server.registered().await;
    session.offer("AJ_1").await;
    let offer = next(&mut offers).await;
    let (job, ()) = tokio::join!(offer.accept(JobAnswer::default()), async {
        assert!(session.availability().await.available);
        session.assign("AJ_1").await;
    });
    session.job_update(proto::JobStatus::JsRunning).await;
    (worker, offers, session, job.unwrap())
}

#[tokio::test]
async fn an_accepted_offer_becomes_a_job_and_its_end_is_reported() {
    let server = Server::bind().await;
    let (worker, mut offers) = server.start(options());
    let (mut session, request) = server.registered().await;
    assert_eq!(request.agent_name, "greeter");
    assert!(request.allowed_permissions.unwrap().can_publish);
    assert_eq!(worker.registered().await.unwrap().as_str(), "AW_1");

    session.offer("AJ_1").await;
    let offer = next(&mut offers).await;
    assert_eq!(
        (offer.job.room.as_str(), offer.job.metadata.as_str()),
        ("lobby", "call")
    );
    let answer = JobAnswer {
        identity: Some(ParticipantIdentity::parse("bot").unwrap()),
        attributes: [("lk.agent.state".to_owned(), "initializing".to_owned())].into(),
        ..JobAnswer::default()
    };
    let (job, ()) = tokio::join!(offer.accept(answer), async {
        let said = session.availability().await;
        assert_eq!(
            (said.available, said.participant_identity.as_str()),
            (true, "bot")
        );
        assert_eq!(
            said.participant_attributes["lk.agent.state"],
            "initializing"
        );
        session.assign("AJ_1").await;
    });
    let job = job.unwrap();
    assert_eq!(job.token.expose(), "job-token");
    assert_eq!(job.url.to_string(), server.url());
    session.job_update(proto::JobStatus::JsRunning).await;
    job.finish(JobOutcome::Success);
    assert_eq!(
        session.job_update(proto::JobStatus::JsSuccess).await.job_id,
        "AJ_1"
    );
}

#[tokio::test]
async fn a_rejected_offer_and_one_over_the_limit_are_declined() {
    let server = Server::bind().await;
    let one = WorkerOptions {
        max_jobs: 1,
        ..options()
    };
    let (_worker, mut offers, mut session, job) = with_job(&server, one).await;
    session.full().await;
    session.offer("AJ_2").await;
    let said = session.availability().await;
    assert_eq!((said.job_id.as_str(), said.available), ("AJ_2", false));

    job.finish(JobOutcome::Success);
    session.job_update(proto::JobStatus::JsSuccess).await;
    session.offer("AJ_3").await;
    next(&mut offers).await.reject();
    let said = session.availability().await;
    assert_eq!((said.job_id.as_str(), said.available), ("AJ_3", false));
}

#[tokio::test]
async fn a_terminated_job_is_told_and_a_dropped_one_counts_as_failed() {
    let server = Server::bind().await;
    let (_worker, _offers, mut session, job) = with_job(&server, options()).await;
    session
        .send(FromServer::Termination(proto::JobTermination {
            job_id: "AJ_1".into(),
        }))
        .await;
    tokio::time::timeout(LIMIT, job.terminated()).await.unwrap();
    drop(job);
    session.job_update(proto::JobStatus::JsFailed).await;
}

#[tokio::test]
async fn a_lost_socket_is_sought_again_and_running_jobs_are_named() {
    let server = Server::bind().await;
    let (worker, _offers, session, job) = with_job(&server, options()).await;
    drop(session);
    let (mut session, _) = server.registered().await;
    let named = session
        .recv_until(|message| match message {
            ToServer::MigrateJob(migrate) => Some(migrate.job_ids),
            _ => None,
        })
        .await;
    assert_eq!(named, ["AJ_1"]);
    job.finish(JobOutcome::Success);
    session.job_update(proto::JobStatus::JsSuccess).await;
    worker.registered().await.unwrap();
}

#[tokio::test]
async fn a_job_that_ends_while_the_socket_is_away_is_reported_later() {
    let server = Server::bind().await;
    let (worker, _offers, session, job) = with_job(&server, options()).await;
    let mut state = worker.state();
    drop(session);
    let away = state.wait_for(|state| *state == WorkerState::Connecting);
    tokio::time::timeout(LIMIT, away).await.unwrap().unwrap();
    job.finish(JobOutcome::Success);
    let (mut session, _) = server.registered().await;
    session.job_update(proto::JobStatus::JsSuccess).await;
}

#[tokio::test]
async fn draining_reports_full_declines_offers_and_waits_for_jobs() {
    let server = Server::bind().await;
    let (worker, mut offers, mut session, job) = with_job(&server, options()).await;
    let script = async {
        session.full().await;
        session.offer("AJ_2").await;
        assert!(!session.availability().await.available);
        job.finish(JobOutcome::Success);
        session.job_update(proto::JobStatus::JsSuccess).await;
        session
    };
    let (drained, _session) = tokio::join!(tokio::time::timeout(LIMIT, worker.drain()), script);
    drained.unwrap();
    assert!(
        tokio::time::timeout(LIMIT, offers.next())
            .await
            .unwrap()
            .is_none()
    );
    assert_eq!(
        *worker.state().borrow(),
        WorkerState::Closed { error: None }
    );
}

#[tokio::test]
async fn a_refused_token_ends_the_worker_with_the_servers_text() {
    let server = Server::bind().await;
    let (worker, _offers) = server.start(options());
    let (stream, _) = server.listener.accept().await.unwrap();
    #[expect(
        clippy::result_large_err,
        reason = "the signature tungstenite asks for"
    )]
    let refuse = |_: &Request, _: Response| -> Result<Response, ErrorResponse> {
        let mut refusal = ErrorResponse::new(Some("invalid API key".to_owned()));
        *refusal.status_mut() = tokio_tungstenite::tungstenite::http::StatusCode::UNAUTHORIZED;
        Err(refusal)
    };
    assert!(
        tokio_tungstenite::accept_hdr_async(stream, refuse)
            .await
            .is_err()
    );
    let registered = tokio::time::timeout(LIMIT, worker.registered())
        .await
        .unwrap();
    assert_eq!(registered, Err(WorkerError::Closed));
    let WorkerState::Closed { error: Some(error) } = worker.state().borrow().clone() else {
        panic!("worker is not closed");
    };
    assert!(error.contains("401"), "{error}");
}
