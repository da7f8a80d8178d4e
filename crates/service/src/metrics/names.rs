//! The names. `trunkline_<room>_<thing>_<unit>[_total]`, base units.

/// Frame lateness: around one 20 ms frame.
const FRAME: &[f64] = &[0.001, 0.002, 0.005, 0.01, 0.02, 0.04];
/// Set-up of calls and joins: a phone beside the gateway is answered within milliseconds.
const SETUP: &[f64] = &[
    0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 30.0,
];
/// Requests and deliveries: one on this machine takes about a millisecond.
const REQUEST: &[f64] = &[
    0.0005, 0.001, 0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0, 30.0,
];
/// What a caller waits for.
const TURN: &[f64] = &[
    0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.8, 1.0, 1.2, 1.5, 2.0, 3.0, 5.0,
];
/// Parts of that, each by a model here or a provider elsewhere; a flow answers at once.
const PART: &[f64] = &[
    0.001, 0.005, 0.01, 0.02, 0.05, 0.1, 0.15, 0.2, 0.3, 0.5, 0.8, 1.2, 2.0, 5.0,
];
/// Opinions of the E-model: G.107 annex B divides between 2.58 and 4.34.
const OPINION: &[f64] = &[2.0, 2.58, 3.1, 3.6, 4.02, 4.34];
/// Lengths of whole sessions.
const SESSION: &[f64] = &[1.0, 5.0, 15.0, 60.0, 300.0, 900.0, 3600.0];

macro_rules! metric_names {
    ($(#[$doc:meta])* $kind:ident { $($(#[doc = $help:literal])+ $variant:ident => $name:literal,)+ }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum $kind { $($(#[doc = $help])+ $variant,)+ }

        impl $kind {
            /// Every one of them.
            pub const ALL: &'static [Self] = &[$(Self::$variant,)+];

            /// The exported name.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)+ }
            }

            /// What it says.
            pub const fn help(self) -> &'static str {
                match self { $(Self::$variant => concat!($($help,)+).trim_ascii(),)+ }
            }
        }
    };
}

metric_names! {
    /// Things that are counted.
    Counter {
        /// Sessions that ended by a panic.
        TaskPanics => "trunkline_task_panics_total",
        /// Connections turned away, by what was full.
        ConnectionsRefused => "trunkline_service_connections_refused_total",
        /// Connections cut, by the clock that ran out or the rule that was broken.
        ConnectionsCut => "trunkline_service_connections_cut_total",
        /// Files read again while the daemon runs, by what came of it.
        Reloads => "trunkline_service_reloads_total",
        /// Rooms opened.
        RoomsStarted => "trunkline_node_rooms_started_total",
        /// Rooms closed.
        RoomsEnded => "trunkline_node_rooms_ended_total",
        /// Participants that joined.
        ParticipantsJoined => "trunkline_node_participants_joined_total",
        /// Participants that left.
        ParticipantsLeft => "trunkline_node_participants_left_total",
        /// Requests to the server API, by outcome.
        ApiRequests => "trunkline_node_api_requests_total",
        /// Media packets that came in.
        MediaPacketsIn => "trunkline_node_media_packets_in_total",
        /// Media packets that went out.
        MediaPacketsOut => "trunkline_node_media_packets_out_total",
        /// Packets dropped, by reason.
        PacketsDropped => "trunkline_node_packets_dropped_total",
        /// Sessions ended because descriptions could not be agreed on, by reason.
        NegotiationsFailed => "trunkline_node_negotiations_failed_total",
        /// Media frames forwarded more than one frame length late.
        FramesLate => "trunkline_node_frames_late_total",
        /// Webhook deliveries, by outcome.
        Webhooks => "trunkline_node_webhooks_total",
        /// Agent jobs handed out, by outcome.
        Jobs => "trunkline_node_jobs_total",
        /// SIP calls, by direction.
        CallsStarted => "trunkline_bridge_calls_started_total",
        /// SIP calls ended, by class.
        CallsEnded => "trunkline_bridge_calls_ended_total",
        /// SIP calls of a process that was killed, by what became of them after the restart.
        CallsResumed => "trunkline_bridge_calls_resumed_total",
        /// SIP requests refused, by reason.
        CallsRefused => "trunkline_bridge_calls_refused_total",
        /// SIP messages and connections that came to nothing and answers nobody took, by reason.
        SipDropped => "trunkline_bridge_sip_dropped_total",
        /// REGISTER requests of ours, by what came of them.
        SipRegisters => "trunkline_bridge_sip_registers_total",
        /// SIP messages of calls that were not kept, or not told to Homer, by reason.
        CaptureDropped => "trunkline_bridge_capture_dropped_total",
        /// RTP packets of calls dropped, by reason.
        RtpDropped => "trunkline_bridge_rtp_dropped_total",
        /// RTP frames sent more than one frame length late.
        RtpLate => "trunkline_bridge_rtp_late_total",
        /// Ways of ended calls by how they sounded: good, fair or poor, from the phone and to it.
        LegsRated => "trunkline_bridge_legs_rated_total",
        /// Recordings started.
        RecordingsStarted => "trunkline_bridge_recordings_started_total",
        /// Recordings ended, by outcome.
        RecordingsEnded => "trunkline_bridge_recordings_ended_total",
        /// Conversations started.
        SessionsStarted => "trunkline_agent_sessions_started_total",
        /// Conversations ended, by reason.
        SessionsEnded => "trunkline_agent_sessions_ended_total",
        /// Turns taken.
        Turns => "trunkline_agent_turns_total",
        /// Packets of callers that came and were not heard: too late, or the agent did not run.
        SoundLost => "trunkline_agent_sound_lost_total",
        /// Interruptions, real or false.
        Interruptions => "trunkline_agent_interruptions_total",
        /// Calls passed on by the agent, by what came of it.
        AgentTransfers => "trunkline_agent_transfers_total",
        /// Calls of tools, by what came of them.
        ToolCalls => "trunkline_agent_tool_calls_total",
        /// Provider errors, by part.
        ProviderErrors => "trunkline_agent_provider_errors_total",
        /// Attempts at which a provider failed, by provider and failure.
        ProviderFailures => "trunkline_agent_provider_failures_total",
        /// Seconds of sound that providers listened to, by provider.
        SttAudio => "trunkline_agent_usage_stt_audio_seconds_total",
        /// Characters that providers spoke, by provider.
        TtsCharacters => "trunkline_agent_usage_tts_characters_total",
        /// Tokens that language models were given, by provider.
        LlmInput => "trunkline_agent_usage_llm_input_tokens_total",
        /// Those of them that the model knew already, by provider.
        LlmInputCached => "trunkline_agent_usage_llm_input_cached_tokens_total",
        /// Tokens that language models made, by provider.
        LlmOutput => "trunkline_agent_usage_llm_output_tokens_total",
        /// Calls to the LiveKit API, by RPC and outcome.
        ApiCalls => "trunkline_client_api_calls_total",
        /// Calls to the LiveKit API sent again, by RPC.
        ApiRepeats => "trunkline_client_api_repeats_total",
        /// Rows that never reached the store, by what they were.
        RowsLost => "trunkline_store_rows_lost_total",
        /// Webhooks received, by outcome.
        WebhooksReceived => "trunkline_console_webhooks_received_total",
        /// Webhooks refused or not stored, by reason.
        WebhooksRefused => "trunkline_console_webhooks_refused_total",
        /// Stored events processed, by outcome.
        EventsProcessed => "trunkline_console_events_processed_total",
    }
}

metric_names! {
    /// Things that have a level.
    Gauge {
        /// When changed files were last in force as a whole, in Unix time.
        ReloadedAt => "trunkline_service_reload_success_timestamp_seconds",
        /// Whether the files as they stand are in force: 1; where the last good ones are: 0.
        FilesInForce => "trunkline_service_files_in_force",
        /// Rooms open now.
        RoomsOpen => "trunkline_node_rooms",
        /// Calls up now.
        CallsActive => "trunkline_bridge_calls",
        /// Whether new calls are refused since the machine is full: 0 no, 1 yes.
        SipFull => "trunkline_bridge_full",
        /// Share of their time that the threads for sound were busy in the last second.
        SoundBusy => "trunkline_bridge_sound_busy_ratio",
        /// Share of their time that they would be busy if all calls that are in talked.
        SoundForeseen => "trunkline_bridge_sound_foreseen_ratio",
        /// Trunks registered with their provider now.
        SipRegistrations => "trunkline_bridge_sip_registrations",
        /// How each trunk that registers stands with its provider: 1 beside the state it is in.
        SipRegistration => "trunkline_bridge_sip_registration",
        /// Conversations running now.
        SessionsActive => "trunkline_agent_sessions",
        /// Whether the LiveKit API is left alone: 0 no, 1 yes, 0.5 being probed.
        ApiBreaker => "trunkline_client_api_breaker",
        /// Share of its capacity an agent worker reports.
        WorkerLoad => "trunkline_agent_worker_load",
        /// Whether a provider of a chain is asked: 1, or passed over since it failed: 0.
        ProviderAvailable => "trunkline_agent_provider_available",
        /// Inference jobs waiting for a thread.
        InferenceQueue => "trunkline_agent_inference_queue",
        /// Rows that wait for the disk.
        RowsWaiting => "trunkline_store_rows_waiting",
        /// Stored events that wait to be processed.
        EventsWaiting => "trunkline_console_events_waiting",
        /// Stored events that were given up.
        EventsParked => "trunkline_console_events_parked",
    }
}

metric_names! {
    /// Things that take time.
    Timing {
        /// INVITE to 200.
        CallSetup => "trunkline_bridge_call_setup_seconds",
        /// Length of a call.
        CallLength => "trunkline_bridge_call_seconds",
        /// How late an RTP frame was sent.
        RtpLateness => "trunkline_bridge_rtp_lateness_seconds",
        /// Join request to media connected.
        JoinSetup => "trunkline_node_join_seconds",
        /// Length of a room.
        RoomLength => "trunkline_node_room_seconds",
        /// Webhook event to its acceptance.
        WebhookDelivery => "trunkline_node_webhook_delivery_seconds",
        /// A call to the LiveKit API, repeats included, by RPC.
        ApiCall => "trunkline_client_api_call_seconds",
        /// Caller's last sound to the agent's first.
        TurnGap => "trunkline_agent_turn_gap_seconds",
        /// Speech to text.
        Transcription => "trunkline_agent_transcription_seconds",
        /// Text to the brain's first sentence.
        BrainFirst => "trunkline_agent_brain_first_seconds",
        /// Sentence to its first sound.
        SpeechFirst => "trunkline_agent_speech_first_seconds",
        /// Receipt of an event to its processing.
        EventLag => "trunkline_console_event_lag_seconds",
    }
}

metric_names! {
    /// Things that are rated.
    Score {
        /// How a way of an ended call sounded by the E-model, 1 to 4.4, from the phone and to it.
        CallMos => "trunkline_bridge_call_mos",
    }
}

impl Score {
    /// Bucket bounds.
    pub const fn buckets(self) -> &'static [f64] {
        match self {
            Self::CallMos => OPINION,
        }
    }
}

impl Timing {
    /// Bucket bounds in seconds, chosen for the stage.
    pub const fn buckets(self) -> &'static [f64] {
        match self {
            Self::RtpLateness => FRAME,
            Self::CallSetup | Self::JoinSetup => SETUP,
            Self::WebhookDelivery | Self::EventLag | Self::ApiCall => REQUEST,
            Self::CallLength | Self::RoomLength => SESSION,
            Self::TurnGap => TURN,
            Self::Transcription | Self::BrainFirst | Self::SpeechFirst => PART,
        }
    }
}
