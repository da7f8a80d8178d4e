//! Audio as arithmetic: codecs, resampling, mixing, jitter and concealment, levels, DTMF, containers.
