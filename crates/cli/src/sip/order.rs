//! In which order entries are written so that the server takes each: it refuses two that could take
//! the same call, if only for a moment. Where two change places, one steps aside first: it keeps the
//! numbers that stay its own, or one that nobody calls, and its id.

use super::entry::Entry;

/// What is wanted under a key, and what is there of it.
#[derive(Clone)]
pub(crate) struct Wish<E> {
    pub(crate) key: String,
    /// With the id of what is there.
    pub(crate) wanted: E,
    pub(crate) there: Option<E>,
}

/// One writing.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Write<E> {
    pub(crate) key: String,
    pub(crate) before: Option<E>,
    pub(crate) after: E,
    /// Only to let another pass; the wish itself comes later.
    pub(crate) steps_aside: bool,
}

/// The writings in their order, and what stands in the way of those that the server would refuse.
pub(crate) struct Order<E> {
    pub(crate) writes: Vec<Write<E>>,
    /// A key, and the id of what is in its way.
    pub(crate) blocked: Vec<(String, String)>,
}

/// Orders the wishes; `world` is everything that will be there when the first is written.
pub(crate) fn order<E: Entry>(mut world: Vec<E>, mut open: Vec<Wish<E>>) -> Order<E> {
    let mut writes = Vec::new();
    let mut aside: Vec<String> = Vec::new();
    while !open.is_empty() {
        let (free, held): (Vec<_>, Vec<_>) = open
            .into_iter()
            .partition(|wish| in_the_way(&world, wish).is_none());
        open = held;
        if let Some((first, rest)) = free.split_first() {
            // One at a time: what is written may be in the way of the next.
            open.extend(rest.iter().cloned());
            replace(&mut world, &first.wanted, &first.key);
            writes.push(Write {
                key: first.key.clone(),
                before: first.there.clone(),
                after: first.wanted.clone(),
                steps_aside: false,
            });
            continue;
        }
        let stands_in_a_way = |wish: &Wish<E>| {
            let others = || open.iter().filter(|other| other.key != wish.key);
            wish.there
                .as_ref()
                .is_some_and(|there| others().any(|other| there.conflicts(&other.wanted)))
        };
        let passing = open
            .iter()
            .position(|wish| !aside.contains(&wish.key) && stands_in_a_way(wish));
        let Some(passing) = passing.and_then(|at| open.get_mut(at)) else {
            break;
        };
        aside.push(passing.key.clone());
        let Some(there) = passing.there.clone() else {
            break;
        };
        let stepped = there
            .clone()
            .with_numbers(kept(&there, &passing.wanted, &passing.key));
        replace(&mut world, &stepped, &passing.key);
        passing.there = Some(stepped.clone());
        writes.push(Write {
            key: passing.key.clone(),
            before: Some(there),
            after: stepped,
            steps_aside: true,
        });
    }
    let blocked = open.iter().filter_map(|wish| {
        let id = in_the_way(&world, wish)?.id().to_owned();
        Some((wish.key.clone(), id))
    });
    Order {
        blocked: blocked.collect(),
        writes,
    }
}

/// The numbers that stay its own, or one that nobody calls: none at all would be any.
fn kept<E: Entry>(there: &E, wanted: &E, key: &str) -> Vec<String> {
    let stay = there.numbers().iter();
    let stay: Vec<String> = stay
        .filter(|number| wanted.numbers().contains(number))
        .cloned()
        .collect();
    if stay.is_empty() || stay.len() == there.numbers().len() {
        vec![format!("moving-{key}")]
    } else {
        stay
    }
}

fn in_the_way<'a, E: Entry>(world: &'a [E], wish: &Wish<E>) -> Option<&'a E> {
    let itself = |one: &&E| !wish.wanted.id().is_empty() && one.id() == wish.wanted.id();
    world
        .iter()
        .find(|one| !itself(one) && one.conflicts(&wish.wanted))
}

fn replace<E: Entry>(world: &mut Vec<E>, entry: &E, key: &str) {
    let id = if entry.id().is_empty() {
        format!("new:{key}")
    } else {
        entry.id().to_owned()
    };
    world.retain(|one| one.id() != id);
    world.push(entry.clone().with_id(id));
}
