//! Every call goes through here: its token, its deadline, its attempts, where each goes, and what
//! is told of it.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use prost::Message;
use rand::SeedableRng as _;
use rand::rngs::SmallRng;
use tokio::time::{Instant, timeout};
use tracing::Instrument as _;
use trunkline_base::retry::Budget;
use trunkline_base::time::UnixTime;

use super::breaker::Sign;
use super::error::{ClockOff, Refusal};
use super::observe::Called;
use super::regions::{self, Regions};
use super::retry::{Decision, Fault, Moment, Series};
use super::target::Target;
use super::tokens::{Bearer, Tokens};
use super::wire::{Answered, Wire};
use super::{ApiError, ApiOptions, Failure, Rpc, RpcInfo, Scope};
use crate::auth::LiveKitAuthManager;
use crate::clock::now;
use crate::url::ServerUrl;

/// Longest wait for the list of regions; there is a call waiting behind it.
const REGIONS_LIMIT: Duration = Duration::from_secs(2);

#[derive(Debug)]
pub(super) struct Transport {
    wire: Wire,
    home: Arc<Target>,
    regions: Regions,
    pub(super) tokens: Tokens,
    options: ApiOptions,
    /// Held to pay or to earn, never across an await.
    budget: Mutex<Budget>,
}

/// One call, whatever its types.
struct Call<'a> {
    rpc: &'static RpcInfo,
    scope: Scope<'a>,
    body: Bytes,
    began: Instant,
    series: Series,
    target: Arc<Target>,
    /// Where it has been.
    tried: Vec<Arc<Target>>,
}

/// Why an attempt failed, and what the server asked for.
struct Miss {
    failure: Failure,
    curable: bool,
    asked: Option<Duration>,
}

impl From<Failure> for Miss {
    fn from(failure: Failure) -> Self {
        Self {
            failure,
            curable: false,
            asked: None,
        }
    }
}

impl Transport {
    pub(super) fn new(url: ServerUrl, auth: LiveKitAuthManager, options: ApiOptions) -> Self {
        Self {
            wire: Wire::new(options.connections, &url),
            home: Arc::new(Target::new(url, options.breaker, options.watch.clone())),
            regions: Regions::default(),
            tokens: Tokens::new(auth),
            budget: Mutex::new(Budget::new(options.budget)),
            options,
        }
    }

    pub(super) fn url(&self) -> &ServerUrl {
        &self.home.url
    }

    pub(super) async fn call<Req: Message, Res: Message + Default>(
        &self,
        rpc: &'static Rpc<Req, Res>,
        request: &Req,
    ) -> Result<Res, ApiError> {
        let limit = rpc.limit(request, self.options.deadline, self.options.dial_margin);
        let info = rpc.info();
        let call = Call {
            rpc: info,
            scope: rpc.scope(request),
            body: request.encode_to_vec().into(),
            began: Instant::now(),
            series: Series::new(self.options.rules, info.repeat, limit),
            target: Arc::clone(&self.home),
            tried: Vec::new(),
        };
        let span = tracing::debug_span!(
            "api_call",
            rpc = info.name,
            outcome = tracing::field::Empty,
            attempts = tracing::field::Empty,
            elapsed_ms = tracing::field::Empty,
        );
        // Boxed, so that whoever calls does not carry a whole exchange in its own future.
        Box::pin(self.run(call, &span))
            .instrument(span.clone())
            .await
    }

    async fn run<Res: Message + Default>(
        &self,
        mut call: Call<'_>,
        span: &tracing::Span,
    ) -> Result<Res, ApiError> {
        let result = self.attempts(&mut call).await;
        let called = Called {
            rpc: call.rpc,
            outcome: result.as_ref().err().map_or("ok", Failure::outcome),
            attempts: call.series.made(),
            elapsed: call.began.elapsed(),
        };
        span.record("outcome", called.outcome);
        span.record("attempts", called.attempts);
        span.record("elapsed_ms", called.elapsed.as_secs_f64() * 1e3);
        self.options.watch.called(&called);
        result.map_err(|failure| ApiError {
            rpc: call.rpc.name,
            failure,
            attempts: called.attempts,
            elapsed: called.elapsed,
        })
    }

    /// Sends the call until it is answered, done, or not worth sending again.
    async fn attempts<Res: Message + Default>(&self, call: &mut Call<'_>) -> Result<Res, Failure> {
        loop {
            let began = Instant::now();
            let miss = match self.attempt(call).await {
                Ok(answer) => {
                    self.earn(call.series.paid());
                    call.target.took(began.elapsed());
                    return Ok(answer);
                }
                Err(miss) => miss,
            };
            let fault = self.turn(call, &miss).await;
            let wait = match self.judge(call, fault, miss.asked) {
                Decision::Done => return Ok(Res::default()),
                Decision::Stop => return Err(miss.failure),
                Decision::Again(wait) => wait,
            };
            tracing::debug!(
                outcome = miss.failure.outcome(),
                attempts = call.series.made(),
                wait_ms = wait.as_secs_f64() * 1e3,
                "call failed, trying again"
            );
            tokio::time::sleep(wait).await;
        }
    }

    fn judge(&self, call: &mut Call<'_>, fault: Fault, asked: Option<Duration>) -> Decision {
        let moment = Moment {
            elapsed: call.began.elapsed(),
            usual: call.target.usual(),
            asked,
        };
        let mut rng = SmallRng::from_rng(&mut rand::rng());
        let mut budget = self.budget.lock().unwrap_or_else(PoisonError::into_inner);
        call.series.judge(fault, moment, &mut budget, &mut rng)
    }

    fn earn(&self, paid: Option<u32>) {
        self.budget
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .succeeded(paid);
    }

    async fn attempt<Res: Message + Default>(&self, call: &Call<'_>) -> Result<Res, Miss> {
        let bearer = self
            .tokens
            .bearer(call.rpc.grant, call.scope)
            .map_err(|_| Failure::Token)?;
        let target = &call.target;
        let leave = target
            .admit(call.rpc.service, bearer.turn(), now())
            .map_err(|(guard, shut)| Failure::Open {
                guard,
                wait: shut.until.saturating_duration_since(now()),
            })?;
        let result = self.exchange(call, &bearer).await;
        let signs = match &result {
            Ok(_) => (Sign::Works, Sign::Works),
            Err(miss) => miss.failure.signs(),
        };
        leave.report(signs.0, signs.1, now());
        result
    }

    async fn exchange<Res: Message + Default>(
        &self,
        call: &Call<'_>,
        bearer: &Bearer,
    ) -> Result<Res, Miss> {
        let address = call.target.address(call.rpc).ok_or(Failure::Answer)?;
        let limit = call.series.attempt_limit(call.began.elapsed());
        let posted = self
            .wire
            .post(address, bearer.header.clone(), call.body.clone(), limit);
        let answered = match timeout(limit, posted).await {
            Ok(answered) => answered?,
            Err(_elapsed) => return Err(Failure::Deadline.into()),
        };
        if answered.status == 200 && !answered.is_html() {
            let server = || answered.date().map(UnixTime::from_system);
            self.tokens.was_taken(bearer, server);
            return Res::decode(answered.body).map_err(|_| Failure::Answer.into());
        }
        Err(self.miss(&answered, bearer))
    }

    /// Reads an answer that is none.
    fn miss(&self, answered: &Answered, bearer: &Bearer) -> Miss {
        let status = answered.status;
        let asked = answered.asked(SystemTime::now());
        if let (300..400, Some(to)) = (status, answered.leads_to()) {
            return Failure::Redirect { status, to }.into();
        }
        let Some(mut refusal) = Refusal::parse(status, &answered.body) else {
            return Miss {
                failure: Failure::Foreign { status },
                curable: false,
                asked,
            };
        };
        let mut curable = false;
        if refusal.is_about_token() {
            let server = answered.date().map(UnixTime::from_system);
            curable = self.tokens.is_curable(bearer, server);
            refusal.clock =
                server.and_then(|server| ClockOff::between(server, self.tokens.own_clock()));
        }
        Miss {
            failure: Failure::Twirp(refusal),
            curable,
            asked,
        }
    }

    /// Turns the call to the next region, where there is one and the fault is a place's; what the
    /// fault then is.
    async fn turn(&self, call: &mut Call<'_>, miss: &Miss) -> Fault {
        let fault = miss.failure.fault(miss.curable);
        let is_open = matches!(miss.failure, Failure::Open { .. });
        let is_of_place = is_open
            || matches!(
                fault,
                Fault::NotSent | Fault::Lost | Fault::Away | Fault::Region
            );
        if !is_of_place || !self.options.failover.applies(&self.home.url) {
            // Without another region, the same one would refuse again.
            return if fault == Fault::Region {
                Fault::Final
            } else {
                fault
            };
        }
        match (self.elsewhere(call, fault).await, fault) {
            // A server that is left alone has seen nothing of the call.
            (true, _) if is_open => Fault::NotSent,
            (false, Fault::Region) => Fault::Final,
            _ => fault,
        }
    }

    async fn elsewhere(&self, call: &mut Call<'_>, fault: Fault) -> bool {
        let known = self.regions.known(now());
        let regions = match known.filter(|_| fault != Fault::Region) {
            Some(regions) => regions,
            None => self.fetch_regions(call).await,
        };
        call.tried.push(Arc::clone(&call.target));
        let is_new = |region: &&Arc<Target>| {
            let same = |tried: &Arc<Target>| tried.url == region.url;
            !call.tried.iter().any(same)
        };
        let Some(next) = regions.iter().find(is_new).map(Arc::clone) else {
            return false;
        };
        call.target = next;
        true
    }

    async fn fetch_regions(&self, call: &Call<'_>) -> Vec<Arc<Target>> {
        let old = || self.regions.known(now()).unwrap_or_default();
        let Ok(bearer) = self.tokens.bearer(call.rpc.grant, call.scope) else {
            return old();
        };
        let Ok(from) = reqwest::Url::parse(&self.home.url.http("/settings/regions")) else {
            return old();
        };
        let limit = REGIONS_LIMIT.min(call.series.attempt_limit(call.began.elapsed()));
        let got = timeout(limit, self.wire.get(from, bearer.header)).await;
        let Ok(Ok(answered)) = got else {
            return old();
        };
        let urls = regions::parse(&answered.body, &self.home.url);
        let Some(urls) = urls.filter(|_| answered.status == 200) else {
            return old();
        };
        let until = now() + regions::believed(answered.cache_control());
        let options = &self.options;
        self.regions.learn(urls, until, |url| {
            Target::new(url, options.breaker, options.watch.clone())
        })
    }
}
