//! Where a person stands: roles, group, partner or branch; and what they have to do with a ticket.
//!
//! Invariant: made of one catalogue version, so that phone and gate come to the same answer.

use std::collections::BTreeSet;

use super::Role;
use crate::catalogue::{Catalogue, Group};
use crate::document::Facts;
use crate::ids::PersonId;
use crate::ticket::Status;

/// A person's place in the organisation, by one catalogue version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Standing {
    /// Who.
    pub person: PersonId,
    /// What they are.
    pub roles: Vec<Role>,
    /// Their service group, with what it serves.
    pub group: Option<Group>,
    /// Everybody of that group.
    pub group_people: BTreeSet<PersonId>,
    /// Everybody of their partner or branch; nobody where they are of none.
    pub unit_people: BTreeSet<PersonId>,
    /// The groups of their partner or branch.
    pub unit_groups: BTreeSet<String>,
}

impl Standing {
    /// A person of these roles, in no group.
    pub const fn bare(person: PersonId, roles: Vec<Role>) -> Self {
        Self {
            person,
            roles,
            group: None,
            group_people: BTreeSet::new(),
            unit_people: BTreeSet::new(),
            unit_groups: BTreeSet::new(),
        }
    }

    /// As the catalogue has it; without any role where it does not have the person.
    pub fn of(catalogue: &Catalogue, person: &PersonId) -> Self {
        let mut standing = Self::bare(person.clone(), Vec::new());
        let Some(found) = catalogue.person(person) else {
            return standing;
        };
        standing.roles.clone_from(&found.roles);
        let people = |same: &dyn Fn(&crate::catalogue::Person) -> bool| {
            let all = catalogue.people.iter().filter(|other| same(other));
            all.map(|other| other.id.clone()).collect()
        };
        if let Some(code) = &found.group {
            standing.group = catalogue.groups.iter().find(|g| g.code == *code).cloned();
            standing.group_people = people(&|other| other.group == found.group);
        }
        if found.unit.is_some() {
            standing.unit_people = people(&|other| other.unit == found.unit);
            let groups = catalogue.groups.iter().filter(|g| g.unit == found.unit);
            standing.unit_groups = groups.map(|g| g.code.clone()).collect();
        }
        standing
    }
}

/// What a person has to do with a ticket: a set of ties. In the table: the ties of which one is needed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Relation(u8);

impl Relation {
    /// None in particular: everybody has this one.
    pub const OTHER: Self = Self(1);
    /// In the crew.
    pub const CREW: Self = Self(1 << 1);
    /// Leads the crew (R12).
    pub const LEAD: Self = Self(1 << 2);
    /// Nobody is assigned, and the ticket is one of the person's group, by its group or by region and product
    /// line (R43, R44).
    pub const POOL: Self = Self(1 << 3);
    /// Opened it.
    pub const OPENED: Self = Self(1 << 4);
    /// Somebody of the person's partner or branch is in the crew or opened it, or it is one of its groups'.
    pub const UNIT: Self = Self(1 << 5);
    /// Every tie.
    pub const EVERY: Self = Self(0b11_1111);

    /// The ties, with their names.
    pub const TIES: [(Self, &'static str); 6] = [
        (Self::OTHER, "other"),
        (Self::CREW, "crew"),
        (Self::LEAD, "lead"),
        (Self::POOL, "pool"),
        (Self::OPENED, "opened"),
        (Self::UNIT, "unit"),
    ];

    /// These ties and those.
    pub const fn or(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    /// These ties without those.
    pub const fn without(self, other: Self) -> Self {
        Self(self.0 & !other.0)
    }

    /// Whether they have a tie in common.
    pub const fn meets(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }

    const fn when(self, holds: bool) -> Self {
        if holds { self } else { Self(0) }
    }

    /// What `standing` has to do with a ticket that `opener` opened; `facts`: `None` before it is opened.
    pub fn of(standing: &Standing, opener: Option<&PersonId>, facts: Option<&Facts>) -> Self {
        let relation = Self::OTHER.or(Self::OPENED.when(opener == Some(&standing.person)));
        let Some(facts) = facts else {
            return relation;
        };
        let crew = facts.crew.contains(&standing.person);
        let lead = crew && facts.lead.as_ref() == Some(&standing.person);
        let ours = |person: &PersonId| standing.unit_people.contains(person);
        let unit = facts.crew.iter().any(ours)
            || opener.is_some_and(ours)
            || facts
                .group
                .as_ref()
                .is_some_and(|g| standing.unit_groups.contains(g));
        relation
            .or(Self::CREW.when(crew))
            .or(Self::LEAD.when(lead))
            .or(Self::POOL.when(in_pool(standing, facts)))
            .or(Self::UNIT.when(unit))
    }

    /// The same, with those counted who were ever assigned: for a part whose documents do not tell the crew
    /// that their author saw.
    pub fn ever(standing: &Standing, opener: Option<&PersonId>, facts: Option<&Facts>) -> Self {
        let ever = facts.is_some_and(|facts| facts.crew_ever.contains(&standing.person));
        let ours = |person: &PersonId| standing.unit_people.contains(person);
        let unit = facts.is_some_and(|facts| facts.crew_ever.iter().any(ours));
        Self::of(standing, opener, facts)
            .or(Self::CREW.when(ever))
            .or(Self::UNIT.when(unit))
    }
}

fn in_pool(standing: &Standing, facts: &Facts) -> bool {
    let group = standing.group.as_ref();
    is_pooled(facts) && group.is_some_and(|group| serves(group, facts))
}

/// Whether a ticket is there to be picked: nobody is assigned (R44).
pub fn is_pooled(facts: &Facts) -> bool {
    facts.crew.is_empty() && facts.status == Status::Received
}

/// Whether a ticket is one of a group's: by the group it was given to, or by region and product line (R43).
pub fn serves(group: &Group, facts: &Facts) -> bool {
    match &facts.group {
        Some(code) => *code == group.code,
        None => {
            let among = |codes: &[String], code: &Option<String>| {
                code.as_ref().is_some_and(|code| codes.contains(code))
            };
            among(&group.regions, &facts.region) && among(&group.product_lines, &facts.product_line)
        }
    }
}
