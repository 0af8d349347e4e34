//! The change every part's document begins with: fixed actor, fixed time, hence the same bytes and
//! hash for every ticket. A golden test pins the three hashes for ever.

use std::sync::OnceLock;

use automerge::transaction::{CommitOptions, Transactable};
use automerge::{Automerge, ChangeHash, ObjType, ROOT, ScalarValue, TextEncoding};

use super::schema;
use crate::ids::Part;

/// A fresh copy of the part's genesis document.
pub(super) fn document(part: Part) -> Automerge {
    cached(part).0.clone()
}

/// Hash of the part's genesis change.
pub(super) fn hash(part: Part) -> ChangeHash {
    cached(part).1
}

fn cached(part: Part) -> &'static (Automerge, ChangeHash) {
    static MADE: [OnceLock<(Automerge, ChangeHash)>; 3] = [const { OnceLock::new() }; 3];
    MADE[usize::from(part.code())].get_or_init(|| make(part))
}

fn make(part: Part) -> (Automerge, ChangeHash) {
    let mut doc = Automerge::new_with_encoding(TextEncoding::UnicodeCodePoint);
    // Twelve zero bytes and the part's code: no random actor id will ever be this one.
    let mut actor = [0; 16];
    actor[15] = part.code();
    doc.set_actor(automerge::ActorId::from(actor));
    let mut tx = doc.transaction();
    let made = (|| {
        for name in schema::maps(part) {
            tx.put_object(ROOT, *name, ObjType::Map)?;
        }
        if part == Part::Service {
            tx.put_object(ROOT, schema::PROBLEM, ObjType::Text)?;
            tx.put(ROOT, schema::VISITS, ScalarValue::counter(0))?;
        }
        Ok::<_, automerge::AutomergeError>(())
    })();
    made.expect("the root of an empty document takes any key");
    let (hash, _) = tx.commit_with(CommitOptions::default().with_time(0));
    (doc, hash.expect("the transaction wrote"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_three_genesis_hashes_are_these_for_ever() {
        let hashes = Part::ALL.map(|part| hash(part).to_string());
        assert_eq!(
            hashes,
            [
                "043e2bd5352f1921f346d87dad3f3c93246ad37d350fe203b2e5e019b825d118",
                "3b954239ed45e14679461f833f72606d2766ef5edad63eabcffac0b16bb305e7",
                "13ddff8fc718ae96acffd0e4169e84988c0f794cd84fe0bd2f50b72d59916679",
            ]
        );
    }
}
