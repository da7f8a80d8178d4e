//! Which of the known requests an utterance means, with a score.

use std::collections::{BTreeMap, BTreeSet};

use super::words::{Word, tokens};

/// Example sentences of every intent, ready for matching.
#[derive(Clone, Debug)]
pub(super) struct Matcher {
    examples: Vec<Example>,
    /// How much a known stem tells, by how few intents use it.
    weights: BTreeMap<String, f32>,
    /// Weight of a word that no example has.
    unknown: f32,
    /// Stems that stand for another one.
    synonyms: BTreeMap<String, String>,
}

#[derive(Clone, Debug)]
struct Example {
    intent: String,
    tokens: Vec<String>,
    words: Vec<Word>,
}

/// How well an utterance fits an intent.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Match {
    pub(super) intent: String,
    pub(super) score: f32,
}

/// Share of the weight that a word of little meaning keeps.
const FILLER_WEIGHT: f32 = 0.08;

/// How much more it counts that the example is covered than that the utterance is: callers wrap
/// a request in many words. More makes short examples catch everything.
const RECALL_BIAS: f32 = 2.0;

impl Matcher {
    pub(super) fn new<'a>(
        intents: impl IntoIterator<Item = (&'a str, &'a [String])>,
        synonyms: &[Vec<String>],
    ) -> Self {
        let synonyms = synonym_map(synonyms);
        let mut examples = Vec::new();
        let mut users: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
        let mut names = BTreeSet::new();
        for (intent, sentences) in intents {
            names.insert(intent.to_owned());
            for sentence in sentences {
                let tokens = tokens(sentence);
                let words = folded(&tokens, &synonyms);
                for word in &words {
                    users
                        .entry(word.stem.clone())
                        .or_default()
                        .insert(intent.to_owned());
                }
                examples.push(Example {
                    intent: intent.to_owned(),
                    tokens,
                    words,
                });
            }
        }
        let total = count(names.len().max(1));
        let weights = users
            .into_iter()
            .map(|(stem, intents)| {
                let filler = if Word::new(&stem).is_filler() {
                    FILLER_WEIGHT
                } else {
                    1.0
                };
                let weight = (1.0 + total / count(intents.len())).ln() * filler;
                (stem, weight)
            })
            .collect();
        Self {
            examples,
            weights,
            unknown: (1.0 + total).ln() * 0.5,
            synonyms,
        }
    }

    /// The words of an intent's examples.
    pub(super) fn examples(&self, intent: &str) -> impl Iterator<Item = &Vec<String>> {
        self.examples
            .iter()
            .filter(move |example| example.intent == intent)
            .map(|example| &example.tokens)
    }

    /// The best score of each intent allowed, best first.
    pub(super) fn rank(&self, said: &[String], allowed: impl Fn(&str) -> bool) -> Vec<Match> {
        let said = folded(said, &self.synonyms);
        let mut best: BTreeMap<&str, f32> = BTreeMap::new();
        for example in self
            .examples
            .iter()
            .filter(|example| allowed(&example.intent))
        {
            let score = self.score(&said, &example.words);
            let entry = best.entry(&example.intent).or_insert(0.0);
            *entry = entry.max(score);
        }
        let mut ranked: Vec<Match> = best
            .into_iter()
            .filter(|(_, score)| *score > 0.0)
            .map(|(intent, score)| Match {
                intent: intent.to_owned(),
                score,
            })
            .collect();
        ranked.sort_by(|a, b| b.score.total_cmp(&a.score));
        ranked
    }

    fn score(&self, said: &[Word], example: &[Word]) -> f32 {
        let recall = self.coverage(example, said);
        let precision = self.coverage(said, example);
        let bias = RECALL_BIAS * RECALL_BIAS;
        let divisor = bias * precision + recall;
        if divisor <= 0.0 {
            0.0
        } else {
            (1.0 + bias) * precision * recall / divisor
        }
    }

    /// Weighted share of `these` words that have a counterpart among `those`.
    fn coverage(&self, these: &[Word], those: &[Word]) -> f32 {
        let mut covered = 0.0;
        let mut whole = 0.0;
        for word in these {
            let own = self.weight(word);
            let (weight, like) = those
                .iter()
                .map(|other| (word.likeness(other), other))
                .filter(|(like, _)| *like > 0.0)
                .max_by(|a, b| a.0.total_cmp(&b.0))
                .map_or((own, 0.0), |(like, other)| {
                    (own.max(self.known_weight(other)), like)
                });
            covered += weight * like;
            whole += weight;
        }
        if whole <= 0.0 { 0.0 } else { covered / whole }
    }

    fn weight(&self, word: &Word) -> f32 {
        match self.weights.get(&word.stem) {
            Some(weight) => *weight,
            None if word.is_filler() => self.unknown * FILLER_WEIGHT,
            None => self.unknown,
        }
    }

    fn known_weight(&self, word: &Word) -> f32 {
        self.weights.get(&word.stem).copied().unwrap_or(0.0)
    }
}

#[expect(clippy::cast_precision_loss, reason = "numbers of intents")]
fn count(number: usize) -> f32 {
    number as f32
}

fn synonym_map(groups: &[Vec<String>]) -> BTreeMap<String, String> {
    let mut map = BTreeMap::new();
    for group in groups {
        let mut stems = group
            .iter()
            .map(|word| Word::new(&word.to_lowercase()).stem);
        let Some(first) = stems.next() else { continue };
        map.extend(stems.map(|stem| (stem, first.clone())));
    }
    map
}

fn folded(tokens: &[String], synonyms: &BTreeMap<String, String>) -> Vec<Word> {
    tokens
        .iter()
        .map(|token| Word::new(token))
        .map(|word| match synonyms.get(&word.stem) {
            Some(same) => Word::new(same),
            None => word,
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matcher() -> Matcher {
        let intents: &[(&str, &[&str])] = &[
            (
                "track",
                &[
                    "where is my parcel",
                    "track my parcel",
                    "my parcel has not arrived",
                ],
            ),
            (
                "hours",
                &[
                    "what are your opening hours",
                    "when are you open",
                    "are you open on sunday",
                ],
            ),
            (
                "date",
                &["change the delivery date", "deliver it on another day"],
            ),
            (
                "person",
                &["speak to a person", "talk to a human", "i want an operator"],
            ),
            ("bye", &["goodbye", "no that is all", "thank you goodbye"]),
        ];
        let owned: Vec<(&str, Vec<String>)> = intents
            .iter()
            .map(|(name, list)| (*name, list.iter().map(|s| (*s).to_owned()).collect()))
            .collect();
        Matcher::new(
            owned.iter().map(|(name, list)| (*name, list.as_slice())),
            &[vec!["parcel".into(), "package".into(), "packet".into()]],
        )
    }

    fn best(text: &str) -> (String, f32) {
        let ranked = matcher().rank(&tokens(text), |_| true);
        ranked
            .first()
            .map_or((String::new(), 0.0), |m| (m.intent.clone(), m.score))
    }

    #[test]
    fn requests_are_found_in_the_words_of_callers() {
        for (text, intent) in [
            ("Where's my parcel?", "track"),
            (
                "hello, yeah, um, I was wondering if you could tell me where my package is",
                "track",
            ),
            ("where is my partial", "track"),
            ("I'm still waiting, my parcel hasn't arrived.", "track"),
            ("What are your opening hours?", "hours"),
            ("What are your opening ours", "hours"),
            ("are you opened on sundays", "hours"),
            ("I'd like to change my delivery date.", "date"),
            ("can I speak to a real person please", "person"),
            ("Good bye, thank you.", "bye"),
            ("No, that's all.", "bye"),
        ] {
            let (found, score) = best(text);
            assert_eq!(found, intent, "{text} {score}");
            assert!(score > 0.55, "{text} {score}");
        }
    }

    #[test]
    fn what_is_not_meant_scores_low() {
        for text in [
            "the weather is lovely today",
            "no where do you live",
            "I bought a new bicycle for my daughter",
            "hello",
            "",
        ] {
            let (found, score) = best(text);
            assert!(score < 0.55, "{text} {found} {score}");
        }
    }
}
