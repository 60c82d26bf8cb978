//! All visits of the period, a day at a time: people who come to restock and people who look around, in order of time.

use fastrand::Rng;

use super::assortment::Assortment;
use super::calendar::{Calendar, demand};
use super::catalogue::Product;
use super::draw::{Part, Weighted, part, percent, shuffle};
use super::event::Event;
use super::people::{Taste, User, activity, countries};
use super::session::{Visit, browse};
use super::spec::{DAY_MS, SampleSpec};
use super::words::COUNTRIES;

/// Sessions in a hundred whose visitor is not signed in; raising it leaves less to learn about users.
const ANONYMOUS: usize = 45;

/// Who is due to restock on which day.
struct Restocks {
    /// Users due, by day.
    due: Vec<Vec<u32>>,
    /// What each user buys again, once they have chosen.
    chosen: Vec<Option<u32>>,
}

impl Restocks {
    fn new(rng: &mut Rng, users: &[User], days: usize) -> Restocks {
        let mut restocks = Restocks { due: vec![Vec::new(); days], chosen: vec![None; users.len()] };
        for (user, habit) in (0u32..).zip(users.iter().map(|user| user.habit)) {
            if let Some(habit) = habit {
                restocks.put(rng.u32(0..habit.period_days) as usize, user);
            }
        }
        restocks
    }

    fn put(&mut self, day: usize, user: u32) {
        if let Some(due) = self.due.get_mut(day) {
            due.push(user);
        }
    }

    /// Those who come today, at most `limit`; the others come tomorrow.
    fn take(&mut self, day: usize, limit: usize) -> Vec<u32> {
        let mut today = self.due.get_mut(day).map(std::mem::take).unwrap_or_default();
        let late = today.split_off(limit.min(today.len()));
        for user in late {
            self.put(day + 1, user);
        }
        today
    }

    /// The product that a user buys again today, and the next time they will.
    fn visit(
        &mut self,
        rng: &mut Rng,
        day: usize,
        now_ms: i64,
        user: (u32, &User),
        assortment: &Assortment<'_>,
    ) -> Option<u32> {
        let (index, user) = user;
        let habit = user.habit?;
        let next = habit.period_days * rng.u32(85..=115) / 100;
        self.put(day + next.max(1) as usize, index);
        let chosen = &mut self.chosen[index as usize];
        // People stay with what they know, and try another one now and then.
        if chosen.is_none() || percent(rng, 8) {
            *chosen = assortment.pick(rng, usize::from(habit.category), &user.taste, now_ms);
        }
        *chosen
    }
}

/// Generates the events of the period in order of time (ties by session) and hands each to `visit`.
///
/// Holds one day's events at a time, so that long histories need not fit in memory.
pub fn generate_events(
    spec: &SampleSpec,
    products: &[Product],
    users: &[User],
    mut visit: impl FnMut(Event),
) {
    let assortment = Assortment::new(products, spec.seed);
    let calendar = Calendar::new(spec);
    let regulars = activity(spec.seed, users.len());
    let countries = countries();
    let mut rng = part(spec.seed, Part::Restocks);
    let mut restocks = Restocks::new(&mut rng, users, calendar.quotas.len());
    let mut session = 0;
    let mut pending: Vec<Event> = Vec::new();
    for (number, (day, &quota)) in (0..).zip(calendar.quotas.iter().enumerate()) {
        // A generator a day: another number of sessions on one day leaves the other days as they were.
        let rng = &mut part(spec.seed, Part::Day(number));
        let midnight = calendar.start_ms + day as i64 * DAY_MS;
        let demand = demand(midnight);
        // Restocking may take a third of a day at most; in a tiny shop it would else be all there is.
        let due = restocks.take(day, quota / 3);
        // Those who restock are signed in: of the others a larger share is anonymous, so that the day has the share
        // it should.
        let others = (quota - due.len()).max(1);
        let anonymous = (ANONYMOUS * quota / others).min(100) as u32;
        for (start_ms, returning) in calendar.starts(rng, day, quota).into_iter().zip(spread(rng, due, quota))
        {
            let user = returning.or_else(|| sign_in(rng, &regulars, anonymous));
            let country = match user {
                Some(user) => usize::from(users[user as usize].country_index),
                None => countries.draw(rng).unwrap_or(0),
            };
            let taste = match user {
                Some(user) => users[user as usize].taste,
                None => Taste::draw(rng, country),
            };
            let restock = returning.and_then(|user| {
                restocks.visit(rng, day, start_ms, (user, &users[user as usize]), &assortment)
            });
            let coming = Visit {
                session,
                user,
                country: COUNTRIES[country].code,
                taste,
                start_ms,
                demand: &demand[country],
                restock,
            };
            browse(rng, &coming, &assortment, &mut pending);
            session += 1;
        }
        // Sessions may run past midnight, but no later one begins before it: the day up to there is complete.
        pending.sort_by_key(|event| (event.timestamp_ms, event.session));
        let complete = pending.partition_point(|event| event.timestamp_ms < midnight + DAY_MS);
        pending.drain(..complete).for_each(&mut visit);
    }
    // What is left lies after the end of the period: as in any export, it is not there yet.
}

/// The users due today, at random positions among the day's sessions.
fn spread(rng: &mut Rng, due: Vec<u32>, quota: usize) -> Vec<Option<u32>> {
    let mut slots: Vec<Option<u32>> = due.into_iter().map(Some).collect();
    slots.resize(quota, None);
    shuffle(rng, &mut slots);
    slots
}

fn sign_in(rng: &mut Rng, regulars: &Weighted, anonymous: u32) -> Option<u32> {
    if percent(rng, anonymous) { None } else { regulars.draw(rng).map(|user| user as u32) }
}
