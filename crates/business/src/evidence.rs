//! The evidence log against the rows that it commits to (存证核对): one pass over all leaves, page by page; each kind of record is drawn again
//! by the code that draws its proofs. Invariant: a page costs a few statements, whatever is in it, and no more memory than its rows.

use anju_casework::findings::Findings;
use anju_casework::leaf::kind;
use anju_casework::log::audit::{self, Leaf, Rebuilt};
use anju_casework::{Office, Result, case, fact, log};
use anju_evidence::note::VerifierKey;

use crate::books::day_proof;
use crate::contribution::proof;
use crate::{fraud, policy_change};

/// What was looked at.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct Looked {
    /// Leaves of the log.
    pub leaves: u64,
    /// Leaves that a program before the log left, which have no record.
    pub without_record: u64,
    /// Checkpoints that are kept.
    pub checkpoints: u64,
    /// Changes of the log's keys.
    pub key_changes: u64,
    /// Lists that were allocated.
    pub lists: u64,
    /// Their lines.
    pub lines: u64,
    /// Days that were closed.
    pub days: u64,
    /// Their journals.
    pub journals: u64,
    /// Facts.
    pub facts: u64,
}

/// Every leaf against its row, the tree, its checkpoints by the log's keys and these witnesses', the changes of keys, and every fact against its
/// code.
///
/// # Errors
/// The database.
pub async fn audit(
    office: &Office,
    witnesses: &[VerifierKey],
    findings: &mut Findings,
) -> Result<Looked> {
    let mut looked = Looked::default();
    let size = log::size(office).await?;
    let (mut tree, mut from) = (Rebuilt::default(), 0);
    loop {
        let page = audit::leaves(office, from, size.cast_signed()).await?;
        let Some(last) = page.last() else { break };
        from = last.leaf_index + 1;
        tree.grow(office, &page, findings).await?;
        rows(office, &page, &mut looked, findings).await?;
    }
    looked.leaves = tree.finish(office, size, findings).await?;
    audit::bare_steps(office, findings).await?;
    proof::audit_bare(office, findings).await?;
    day_proof::audit_bare(office, findings).await?;
    looked.checkpoints = audit::checkpoints(office, witnesses, findings).await?;
    looked.key_changes = audit::key_changes(office, findings).await?;
    looked.facts = fact::audit_codes(office, findings).await?;
    Ok(looked)
}

/// The leaves of a page against their rows.
async fn rows(
    office: &Office,
    page: &[Leaf],
    looked: &mut Looked,
    findings: &mut Findings,
) -> Result<()> {
    let of = |kind: i16| -> Vec<&Leaf> { page.iter().filter(|leaf| leaf.kind == kind).collect() };
    // Steps are numbered from 1; what was left before there was a log is a bare hash under 0.
    let (steps, old): (Vec<&Leaf>, Vec<&Leaf>) =
        of(kind::CASE).into_iter().partition(|leaf| leaf.seq > 0);
    looked.without_record += old.len() as u64;
    case::audit_leaves(office, &steps, findings).await?;
    let lists = of(kind::BATCH);
    looked.lists += lists.len() as u64;
    looked.lines += proof::audit_leaves(office, &lists, findings).await?;
    let days = of(kind::DAY);
    looked.days += days.len() as u64;
    looked.journals += day_proof::audit_leaves(office, &days, findings).await?;
    policy_change::audit_leaves(office, &of(kind::POLICY), findings).await?;
    fraud::entry::audit_leaves(office, &of(kind::BLACKLIST), findings).await?;
    audit::key_leaves(office, &of(kind::LOG_KEY), findings).await?;
    for leaf in page {
        if !(kind::CASE..=kind::LOG_KEY).contains(&leaf.kind) {
            let place = format!("第 {} 片叶子", leaf.leaf_index);
            findings.tell(
                audit::LEAVES,
                place,
                format!("种类 {} 不认识，应是 1 到 6", leaf.kind),
            );
        }
    }
    Ok(())
}
