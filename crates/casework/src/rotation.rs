//! Rotating keys (密钥轮换) while the centre serves: who holds which keys, and everything that is sealed or indexed again with the
//! current ones.
//!
//! Invariant: a pass looks at every value, so that where it stopped needs no mark, and changes a row only if it still holds what was
//! read: what the server writes meanwhile is never overwritten. When a pass finds nothing, nothing names another key. Runs as the owner
//! of the tables: the application itself may not change a fact.

use anju_vault::{BlindIndex, Generations, Vault};
use serde_json::Value;
use sqlx::{PgConnection, PgExecutor};
use uuid::Uuid;

use crate::fact::SEALED_ID;
use crate::person::purpose;
use crate::{Fault, Office, Result};

/// Rows that are read at once.
const PAGE: i64 = 500;

/// Says which keys this process holds, and forgets those who have been silent for a minute.
pub async fn announce(office: &Office, holder: Uuid, held: Generations) -> Result<()> {
    sqlx::query(
        "WITH silent AS (
             DELETE FROM key_holder
              WHERE centre_id = $1 AND holder <> $2 AND seen_at < clock_timestamp() - interval '1 minute')
         INSERT INTO key_holder AS h (centre_id, holder, data_key, index_key, current_data_key, current_index_key, others, current_others,
                                      seen_at)
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, clock_timestamp())
             ON CONFLICT (centre_id, holder) DO UPDATE
            SET data_key = $3, index_key = $4, current_data_key = $5, current_index_key = $6, others = $7, current_others = $8,
                seen_at = clock_timestamp()",
    )
    .bind(office.centre.id)
    .bind(holder)
    .bind(number(held.data))
    .bind(number(held.index))
    .bind(number(held.current_data))
    .bind(number(held.current_index))
    .bind(held.others.map(number))
    .bind(held.current_others.map(number))
    .execute(&office.pool)
    .await?;
    Ok(())
}

/// How many serving processes do not yet hold, seal with and write what this one does. One that has said nothing for ten seconds is dead.
pub async fn behind(db: impl PgExecutor<'_>, office: &Office, held: Generations) -> Result<i64> {
    Ok(sqlx::query_scalar(
        "SELECT count(*)
           FROM key_holder
          WHERE centre_id = $1
            AND seen_at > clock_timestamp() - interval '10 seconds'
            AND (data_key < $2 OR index_key < $3 OR current_data_key < $4 OR current_index_key < $5
                 OR EXISTS (SELECT FROM unnest(others, $6::smallint[]) AS n (theirs, ours) WHERE theirs < ours)
                 OR EXISTS (SELECT FROM unnest(current_others, $7::smallint[]) AS n (theirs, ours) WHERE theirs < ours))",
    )
    .bind(office.centre.id)
    .bind(number(held.data))
    .bind(number(held.index))
    .bind(number(held.current_data))
    .bind(number(held.current_index))
    .bind(held.others.map(number))
    .bind(held.current_others.map(number))
    .fetch_one(db)
    .await?)
}

/// An id beyond every one that has been given, and beyond what may be given while everybody learns of a new key of public numbers.
///
/// # Errors
/// The database.
pub async fn free_id(conn: &mut PgConnection) -> Result<u64> {
    /// What a centre gives in minutes of full load.
    const ROOM: i64 = 10_000_000;
    let last: i64 = sqlx::query_scalar("SELECT last_value FROM anju_id")
        .fetch_one(conn)
        .await?;
    Ok((last + ROOM).cast_unsigned())
}

/// Has ids from this one on be given from now on, so that new numbers are made by the new key.
///
/// # Errors
/// The database.
pub async fn ids_from(conn: &mut PgConnection, from: u64) -> Result<()> {
    sqlx::query(
        "SELECT setval('anju_id', greatest(last_value, $1)) FROM anju_id WHERE last_value < $1",
    )
    .bind(from.cast_signed())
    .execute(conn)
    .await?;
    Ok(())
}

/// A sealed column, perhaps with its index.
struct Column {
    /// Reads key (two numbers), sealed value and index of a page. $2 and $3 are the last key; where the key is one number the second
    /// is always zero, and says nothing.
    read: &'static str,
    /// Writes new values where the old still stand.
    write: &'static str,
    purpose: &'static str,
    /// Whether its index is also that by which facts and questions are found.
    names_somebody: bool,
}

/// Every sealed column of a row.
const COLUMNS: &[Column] = &[
    Column {
        read: "SELECT person_id, 0::bigint, id_sealed, id_index FROM person
                WHERE centre_id = $1 AND person_id > $2 AND $3::bigint = 0 ORDER BY person_id LIMIT $4",
        write: "UPDATE person p SET id_sealed = n.sealed, id_index = n.index
                  FROM unnest($2::bigint[], $3::bigint[], $4::bytea[], $5::bytea[], $6::bytea[]) AS n (a, b, old, sealed, index)
                 WHERE p.centre_id = $1 AND p.person_id = n.a AND p.id_sealed = n.old",
        purpose: purpose::ID,
        names_somebody: true,
    },
    Column {
        read: "SELECT person_id, 0::bigint, name_sealed, name_index FROM person
                WHERE centre_id = $1 AND person_id > $2 AND $3::bigint = 0 ORDER BY person_id LIMIT $4",
        write: "UPDATE person p SET name_sealed = n.sealed, name_index = n.index
                  FROM unnest($2::bigint[], $3::bigint[], $4::bytea[], $5::bytea[], $6::bytea[]) AS n (a, b, old, sealed, index)
                 WHERE p.centre_id = $1 AND p.person_id = n.a AND p.name_sealed = n.old",
        purpose: purpose::NAME,
        names_somebody: false,
    },
    Column {
        read: "SELECT person_id, 0::bigint, phone_sealed, phone_index FROM person
                WHERE centre_id = $1 AND person_id > $2 AND $3::bigint = 0 AND phone_sealed IS NOT NULL ORDER BY person_id LIMIT $4",
        write: "UPDATE person p SET phone_sealed = n.sealed, phone_index = n.index
                  FROM unnest($2::bigint[], $3::bigint[], $4::bytea[], $5::bytea[], $6::bytea[]) AS n (a, b, old, sealed, index)
                 WHERE p.centre_id = $1 AND p.person_id = n.a AND p.phone_sealed = n.old",
        purpose: purpose::PHONE,
        names_somebody: false,
    },
    Column {
        read: "SELECT person_id, 0::bigint, card_sealed, NULL::bytea FROM person
                WHERE centre_id = $1 AND person_id > $2 AND $3::bigint = 0 AND card_sealed IS NOT NULL ORDER BY person_id LIMIT $4",
        write: "UPDATE person p SET card_sealed = n.sealed
                  FROM unnest($2::bigint[], $3::bigint[], $4::bytea[], $5::bytea[], $6::bytea[]) AS n (a, b, old, sealed, index)
                 WHERE p.centre_id = $1 AND p.person_id = n.a AND p.card_sealed = n.old",
        purpose: purpose::CARD,
        names_somebody: false,
    },
    Column {
        read: "SELECT share_id, 0::bigint, payee_sealed, NULL::bytea FROM case_share
                WHERE centre_id = $1 AND share_id > $2 AND $3::bigint = 0 ORDER BY share_id LIMIT $4",
        write: "UPDATE case_share s SET payee_sealed = n.sealed
                  FROM unnest($2::bigint[], $3::bigint[], $4::bytea[], $5::bytea[], $6::bytea[]) AS n (a, b, old, sealed, index)
                 WHERE s.centre_id = $1 AND s.share_id = n.a AND s.payee_sealed = n.old",
        purpose: purpose::FORM,
        names_somebody: false,
    },
    Column {
        read: "SELECT mandate_id, 0::bigint, account_sealed, NULL::bytea FROM debit_mandate
                WHERE centre_id = $1 AND mandate_id > $2 AND $3::bigint = 0 ORDER BY mandate_id LIMIT $4",
        write: "UPDATE debit_mandate m SET account_sealed = n.sealed
                  FROM unnest($2::bigint[], $3::bigint[], $4::bytea[], $5::bytea[], $6::bytea[]) AS n (a, b, old, sealed, index)
                 WHERE m.centre_id = $1 AND m.mandate_id = n.a AND m.account_sealed = n.old",
        purpose: purpose::CARD,
        names_somebody: false,
    },
    Column {
        read: "SELECT mandate_id, 0::bigint, holder_sealed, NULL::bytea FROM debit_mandate
                WHERE centre_id = $1 AND mandate_id > $2 AND $3::bigint = 0 ORDER BY mandate_id LIMIT $4",
        write: "UPDATE debit_mandate m SET holder_sealed = n.sealed
                  FROM unnest($2::bigint[], $3::bigint[], $4::bytea[], $5::bytea[], $6::bytea[]) AS n (a, b, old, sealed, index)
                 WHERE m.centre_id = $1 AND m.mandate_id = n.a AND m.holder_sealed = n.old",
        purpose: purpose::NAME,
        names_somebody: false,
    },
    Column {
        read: "SELECT person_id, change_id, before_sealed, NULL::bytea FROM person_change
                WHERE centre_id = $1 AND (person_id, change_id) > ($2, $3) AND before_sealed IS NOT NULL
                ORDER BY person_id, change_id LIMIT $4",
        write: "UPDATE person_change c SET before_sealed = n.sealed
                  FROM unnest($2::bigint[], $3::bigint[], $4::bytea[], $5::bytea[], $6::bytea[]) AS n (a, b, old, sealed, index)
                 WHERE c.centre_id = $1 AND c.person_id = n.a AND c.change_id = n.b AND c.before_sealed = n.old",
        purpose: purpose::CHANGE,
        names_somebody: false,
    },
    Column {
        read: "SELECT person_id, change_id, after_sealed, NULL::bytea FROM person_change
                WHERE centre_id = $1 AND (person_id, change_id) > ($2, $3) ORDER BY person_id, change_id LIMIT $4",
        write: "UPDATE person_change c SET after_sealed = n.sealed
                  FROM unnest($2::bigint[], $3::bigint[], $4::bytea[], $5::bytea[], $6::bytea[]) AS n (a, b, old, sealed, index)
                 WHERE c.centre_id = $1 AND c.person_id = n.a AND c.change_id = n.b AND c.after_sealed = n.old",
        purpose: purpose::CHANGE,
        names_somebody: false,
    },
    Column {
        read: "SELECT person_id, 0::bigint, sealed, NULL::bytea FROM person_detail
                WHERE centre_id = $1 AND person_id > $2 AND $3::bigint = 0 ORDER BY person_id LIMIT $4",
        write: "UPDATE person_detail d SET sealed = n.sealed
                  FROM unnest($2::bigint[], $3::bigint[], $4::bytea[], $5::bytea[], $6::bytea[]) AS n (a, b, old, sealed, index)
                 WHERE d.centre_id = $1 AND d.person_id = n.a AND d.sealed = n.old",
        purpose: purpose::DETAILS,
        names_somebody: false,
    },
    Column {
        read: "SELECT act_id, 0::bigint, said_sealed, NULL::bytea FROM court_act
                WHERE centre_id = $1 AND act_id > $2 AND $3::bigint = 0 ORDER BY act_id LIMIT $4",
        write: "UPDATE court_act t SET said_sealed = n.sealed
                  FROM unnest($2::bigint[], $3::bigint[], $4::bytea[], $5::bytea[], $6::bytea[]) AS n (a, b, old, sealed, index)
                 WHERE t.centre_id = $1 AND t.act_id = n.a AND t.said_sealed = n.old",
        purpose: purpose::FORM,
        names_somebody: false,
    },
    Column {
        read: "SELECT dispute_id, 0::bigint, reason_sealed, NULL::bytea FROM fact_dispute
                WHERE centre_id = $1 AND dispute_id > $2 AND $3::bigint = 0 ORDER BY dispute_id LIMIT $4",
        write: "UPDATE fact_dispute d SET reason_sealed = n.sealed
                  FROM unnest($2::bigint[], $3::bigint[], $4::bytea[], $5::bytea[], $6::bytea[]) AS n (a, b, old, sealed, index)
                 WHERE d.centre_id = $1 AND d.dispute_id = n.a AND d.reason_sealed = n.old",
        purpose: purpose::DISPUTE,
        names_somebody: false,
    },
    Column {
        read: "SELECT change_id, 0::bigint, id_sealed, id_index FROM person_former_id
                WHERE centre_id = $1 AND change_id > $2 AND $3::bigint = 0 ORDER BY change_id LIMIT $4",
        write: "UPDATE person_former_id f SET id_sealed = n.sealed, id_index = n.index
                  FROM unnest($2::bigint[], $3::bigint[], $4::bytea[], $5::bytea[], $6::bytea[]) AS n (a, b, old, sealed, index)
                 WHERE f.centre_id = $1 AND f.change_id = n.a AND f.id_sealed = n.old",
        purpose: purpose::ID,
        names_somebody: true,
    },
    Column {
        read: "SELECT clerk_id, 0::bigint, name_sealed, NULL::bytea FROM clerk
                WHERE centre_id = $1 AND clerk_id > $2 AND $3::bigint = 0 ORDER BY clerk_id LIMIT $4",
        write: "UPDATE clerk c SET name_sealed = n.sealed
                  FROM unnest($2::bigint[], $3::bigint[], $4::bytea[], $5::bytea[], $6::bytea[]) AS n (a, b, old, sealed, index)
                 WHERE c.centre_id = $1 AND c.clerk_id = n.a AND c.name_sealed = n.old",
        purpose: purpose::NAME,
        names_somebody: false,
    },
    Column {
        read: "SELECT clerk_id, 0::bigint, phone_sealed, phone_index FROM clerk
                WHERE centre_id = $1 AND clerk_id > $2 AND $3::bigint = 0 ORDER BY clerk_id LIMIT $4",
        write: "UPDATE clerk c SET phone_sealed = n.sealed, phone_index = n.index
                  FROM unnest($2::bigint[], $3::bigint[], $4::bytea[], $5::bytea[], $6::bytea[]) AS n (a, b, old, sealed, index)
                 WHERE c.centre_id = $1 AND c.clerk_id = n.a AND c.phone_sealed = n.old",
        purpose: purpose::PHONE,
        names_somebody: false,
    },
    Column {
        read: "SELECT employer_id, 0::bigint, legal_representative_sealed, NULL::bytea FROM employer
                WHERE centre_id = $1 AND employer_id > $2 AND $3::bigint = 0 ORDER BY employer_id LIMIT $4",
        write: "UPDATE employer e SET legal_representative_sealed = n.sealed
                  FROM unnest($2::bigint[], $3::bigint[], $4::bytea[], $5::bytea[], $6::bytea[]) AS n (a, b, old, sealed, index)
                 WHERE e.centre_id = $1 AND e.employer_id = n.a AND e.legal_representative_sealed = n.old",
        purpose: purpose::NAME,
        names_somebody: false,
    },
    Column {
        read: "SELECT session_id, 0::bigint, holder_sealed, NULL::bytea FROM session
                WHERE centre_id = $1 AND session_id > $2 AND $3::bigint = 0 AND holder_sealed IS NOT NULL ORDER BY session_id LIMIT $4",
        write: "UPDATE session s SET holder_sealed = n.sealed
                  FROM unnest($2::bigint[], $3::bigint[], $4::bytea[], $5::bytea[], $6::bytea[]) AS n (a, b, old, sealed, index)
                 WHERE s.centre_id = $1 AND s.session_id = n.a AND s.holder_sealed = n.old",
        purpose: purpose::NAME,
        names_somebody: false,
    },
    Column {
        read: "SELECT staff_id, 0::bigint, totp_sealed, NULL::bytea FROM staff
                WHERE centre_id = $1 AND staff_id > $2 AND $3::bigint = 0 ORDER BY staff_id LIMIT $4",
        write: "UPDATE staff s SET totp_sealed = n.sealed
                  FROM unnest($2::bigint[], $3::bigint[], $4::bytea[], $5::bytea[], $6::bytea[]) AS n (a, b, old, sealed, index)
                 WHERE s.centre_id = $1 AND s.staff_id = n.a AND s.totp_sealed = n.old",
        purpose: purpose::TOTP,
        names_somebody: false,
    },
    Column {
        read: "SELECT roster_id, line::bigint, id_sealed, id_index FROM roster_change
                WHERE centre_id = $1 AND (roster_id, line) > ($2, $3) AND id_sealed IS NOT NULL ORDER BY roster_id, line LIMIT $4",
        write: "UPDATE roster_change r SET id_sealed = n.sealed, id_index = n.index
                  FROM unnest($2::bigint[], $3::bigint[], $4::bytea[], $5::bytea[], $6::bytea[]) AS n (a, b, old, sealed, index)
                 WHERE r.centre_id = $1 AND r.roster_id = n.a AND r.line = n.b AND r.id_sealed = n.old",
        purpose: purpose::ID,
        names_somebody: true,
    },
    Column {
        read: "SELECT roster_id, line::bigint, name_sealed, name_index FROM roster_change
                WHERE centre_id = $1 AND (roster_id, line) > ($2, $3) AND name_sealed IS NOT NULL ORDER BY roster_id, line LIMIT $4",
        write: "UPDATE roster_change r SET name_sealed = n.sealed, name_index = n.index
                  FROM unnest($2::bigint[], $3::bigint[], $4::bytea[], $5::bytea[], $6::bytea[]) AS n (a, b, old, sealed, index)
                 WHERE r.centre_id = $1 AND r.roster_id = n.a AND r.line = n.b AND r.name_sealed = n.old",
        purpose: purpose::NAME,
        names_somebody: false,
    },
    Column {
        read: "SELECT roster_id, line::bigint, phone_sealed, phone_index FROM roster_change
                WHERE centre_id = $1 AND (roster_id, line) > ($2, $3) AND phone_sealed IS NOT NULL ORDER BY roster_id, line LIMIT $4",
        write: "UPDATE roster_change r SET phone_sealed = n.sealed, phone_index = n.index
                  FROM unnest($2::bigint[], $3::bigint[], $4::bytea[], $5::bytea[], $6::bytea[]) AS n (a, b, old, sealed, index)
                 WHERE r.centre_id = $1 AND r.roster_id = n.a AND r.line = n.b AND r.phone_sealed = n.old",
        purpose: purpose::PHONE,
        names_somebody: false,
    },
    Column {
        read: "SELECT document_id, 0::bigint, data_sealed, NULL::bytea FROM document
                WHERE centre_id = $1 AND document_id > $2 AND $3::bigint = 0 ORDER BY document_id LIMIT $4",
        write: "UPDATE document d SET data_sealed = n.sealed
                  FROM unnest($2::bigint[], $3::bigint[], $4::bytea[], $5::bytea[], $6::bytea[]) AS n (a, b, old, sealed, index)
                 WHERE d.centre_id = $1 AND d.document_id = n.a AND d.data_sealed = n.old",
        purpose: crate::document::SEAL,
        names_somebody: false,
    },
    Column {
        // Pictures are large: a few at once.
        read: "SELECT paper_id, 0::bigint, sealed, NULL::bytea FROM case_paper
                WHERE centre_id = $1 AND paper_id > $2 AND $3::bigint = 0 ORDER BY paper_id LIMIT least($4, 4)",
        write: "UPDATE case_paper p SET sealed = n.sealed
                  FROM unnest($2::bigint[], $3::bigint[], $4::bytea[], $5::bytea[], $6::bytea[]) AS n (a, b, old, sealed, index)
                 WHERE p.centre_id = $1 AND p.paper_id = n.a AND p.sealed = n.old",
        purpose: crate::case_paper::SEAL,
        names_somebody: false,
    },
    Column {
        // Files are large: a few at once.
        read: "SELECT file_id, 0::bigint, content_sealed, NULL::bytea FROM sent_file
                WHERE centre_id = $1 AND file_id > $2 AND $3::bigint = 0 AND content_sealed IS NOT NULL ORDER BY file_id LIMIT least($4, 4)",
        write: "UPDATE sent_file f SET content_sealed = n.sealed
                  FROM unnest($2::bigint[], $3::bigint[], $4::bytea[], $5::bytea[], $6::bytea[]) AS n (a, b, old, sealed, index)
                 WHERE f.centre_id = $1 AND f.file_id = n.a AND f.content_sealed = n.old",
        purpose: crate::outbox::FILE,
        names_somebody: false,
    },
    Column {
        read: "SELECT statement_id, 0::bigint, text_sealed, NULL::bytea FROM fraud_statement
                WHERE centre_id = $1 AND statement_id > $2 AND $3::bigint = 0 ORDER BY statement_id LIMIT $4",
        write: "UPDATE fraud_statement s SET text_sealed = n.sealed
                  FROM unnest($2::bigint[], $3::bigint[], $4::bytea[], $5::bytea[], $6::bytea[]) AS n (a, b, old, sealed, index)
                 WHERE s.centre_id = $1 AND s.statement_id = n.a AND s.text_sealed = n.old",
        purpose: crate::case::hold::STATEMENT,
        names_somebody: false,
    },
];

/// A document with sealed values inside it, in hex.
struct Document {
    read: &'static str,
    write: &'static str,
    /// The field that is sealed, wherever it stands.
    field: &'static str,
    purpose: &'static str,
    names_somebody: bool,
}

/// Every document that may hold a sealed value.
const DOCUMENTS: &[Document] = &[
    Document {
        read: "SELECT case_id, form FROM business_case
                WHERE centre_id = $1 AND case_id > $2 AND form::text LIKE '%\"sealed\"%' ORDER BY case_id LIMIT $3",
        write: "UPDATE business_case c SET form = n.now
                  FROM unnest($2::bigint[], $3::jsonb[], $4::jsonb[]) AS n (id, before, now)
                 WHERE c.centre_id = $1 AND c.case_id = n.id AND c.form = n.before",
        field: "sealed",
        purpose: purpose::FORM,
        names_somebody: false,
    },
    Document {
        read: "SELECT fact_id, value FROM fact
                WHERE centre_id = $1 AND fact_id > $2 AND value::text LIKE '%\"id_sealed\"%' ORDER BY fact_id LIMIT $3",
        write: "UPDATE fact f SET value = n.now
                  FROM unnest($2::bigint[], $3::jsonb[], $4::jsonb[]) AS n (id, before, now)
                 WHERE f.centre_id = $1 AND f.fact_id = n.id AND f.value = n.before",
        field: "id_sealed",
        purpose: SEALED_ID,
        names_somebody: true,
    },
    Document {
        read: "SELECT outbox_id, payload FROM outbox
                WHERE centre_id = $1 AND outbox_id > $2 AND payload ->> 'phone' IS NOT NULL ORDER BY outbox_id LIMIT $3",
        write: "UPDATE outbox o SET payload = n.now
                  FROM unnest($2::bigint[], $3::jsonb[], $4::jsonb[]) AS n (id, before, now)
                 WHERE o.centre_id = $1 AND o.outbox_id = n.id AND o.payload = n.before",
        field: "phone",
        purpose: purpose::PHONE,
        names_somebody: false,
    },
    Document {
        read: "SELECT outbox_id, payload FROM outbox_done
                WHERE centre_id = $1 AND outbox_id > $2 AND payload ->> 'phone' IS NOT NULL ORDER BY outbox_id LIMIT $3",
        write: "UPDATE outbox_done o SET payload = n.now
                  FROM unnest($2::bigint[], $3::jsonb[], $4::jsonb[]) AS n (id, before, now)
                 WHERE o.centre_id = $1 AND o.outbox_id = n.id AND o.payload ->> 'phone' IS NOT NULL AND o.payload = n.before",
        field: "phone",
        purpose: purpose::PHONE,
        names_somebody: false,
    },
];

/// Seals and indexes again everything that is not of the current keys. Returns how many values it found to change: zero when nothing
/// names another key.
///
/// # Errors
/// The database fails, or a value cannot be opened.
pub async fn pass(conn: &mut PgConnection, office: &Office) -> Result<u64> {
    let mut changed = 0;
    for column in COLUMNS {
        changed += seal_column(conn, office, column).await?;
    }
    for document in DOCUMENTS {
        changed += seal_documents(conn, office, document).await?;
    }
    Ok(changed + index_employers(conn, office).await?)
}

async fn seal_column(conn: &mut PgConnection, office: &Office, column: &Column) -> Result<u64> {
    type Row = (i64, i64, Vec<u8>, Option<Vec<u8>>);
    let vault = &office.vault;
    let (mut changed, mut last) = (0, (i64::MIN, 0));
    loop {
        let rows: Vec<Row> = sqlx::query_as(column.read)
            .bind(office.centre.id)
            .bind(last.0)
            .bind(last.1)
            .bind(PAGE)
            .fetch_all(&mut *conn)
            .await?;
        let Some(end) = rows.last() else {
            return Ok(changed);
        };
        let next = (end.0, end.1);
        let mut people = Vec::new();
        let (mut a, mut b, mut old, mut sealed, mut index) =
            (vec![], vec![], vec![], vec![], vec![]);
        for (first, second, was, found_by) in rows {
            let plain = vault.open(column.purpose, &was)?;
            let now = found_by
                .is_some()
                .then(|| utf8(&plain).map(|text| vault.blind_index(column.purpose, text)))
                .transpose()?;
            let right = now
                .as_ref()
                .is_none_or(|now| found_by.as_deref() == Some(now.current.as_slice()));
            if !vault.is_current(&was)? || !right {
                a.push(first);
                b.push(second);
                sealed.push(vault.seal(column.purpose, &plain));
                index.push(now.as_ref().map(|now| now.current.to_vec()));
                old.push(was);
            }
            people.extend(now.filter(|_| column.names_somebody));
        }
        if !a.is_empty() {
            changed += rewritten(a.len());
            sqlx::query(column.write)
                .bind(office.centre.id)
                .bind(a)
                .bind(b)
                .bind(old)
                .bind(sealed)
                .bind(index)
                .execute(&mut *conn)
                .await?;
        }
        changed += index_subjects(conn, office, &people).await?;
        last = next;
    }
}

async fn seal_documents(
    conn: &mut PgConnection,
    office: &Office,
    document: &Document,
) -> Result<u64> {
    let (mut changed, mut last) = (0, i64::MIN);
    loop {
        let rows: Vec<(i64, Value)> = sqlx::query_as(document.read)
            .bind(office.centre.id)
            .bind(last)
            .bind(PAGE)
            .fetch_all(&mut *conn)
            .await?;
        let Some(end) = rows.last() else {
            return Ok(changed);
        };
        last = end.0;
        let mut people = Vec::new();
        let (mut ids, mut before, mut now) = (vec![], vec![], vec![]);
        for (id, value) in rows {
            let mut again = value.clone();
            if seal_inside(&office.vault, document, &mut again, &mut people)? {
                ids.push(id);
                before.push(value);
                now.push(again);
            }
        }
        if !ids.is_empty() {
            changed += rewritten(ids.len());
            sqlx::query(document.write)
                .bind(office.centre.id)
                .bind(ids)
                .bind(before)
                .bind(now)
                .execute(&mut *conn)
                .await?;
        }
        changed += index_subjects(conn, office, &people).await?;
    }
}

/// Seals again what stands in a document; whether anything did.
fn seal_inside(
    vault: &Vault,
    document: &Document,
    value: &mut Value,
    people: &mut Vec<BlindIndex>,
) -> Result<bool> {
    let mut changed = false;
    match value {
        Value::Object(fields) => {
            for (name, value) in fields {
                let Some(sealed) = value.as_str().filter(|_| name == document.field) else {
                    changed |= seal_inside(vault, document, value, people)?;
                    continue;
                };
                let was = hex::decode(sealed)
                    .map_err(|_| Fault::Stored("a sealed field is not hex".to_owned()))?;
                let plain = vault.open(document.purpose, &was)?;
                if document.names_somebody {
                    people.push(vault.blind_index(purpose::ID, utf8(&plain)?));
                }
                if !vault.is_current(&was)? {
                    *value = hex::encode(vault.seal(document.purpose, &plain)).into();
                    changed = true;
                }
            }
        }
        Value::Array(items) => {
            for item in items {
                changed |= seal_inside(vault, document, item, people)?;
            }
        }
        _ => {}
    }
    Ok(changed)
}

/// Employers are named by their credit code, which is public and stands in clear.
async fn index_employers(conn: &mut PgConnection, office: &Office) -> Result<u64> {
    let (mut changed, mut last) = (0, i64::MIN);
    loop {
        let rows: Vec<(i64, String)> = sqlx::query_as(
            "SELECT employer_id, uscc FROM employer WHERE centre_id = $1 AND employer_id > $2 ORDER BY employer_id LIMIT $3",
        )
        .bind(office.centre.id)
        .bind(last)
        .bind(PAGE)
        .fetch_all(&mut *conn)
        .await?;
        let Some(end) = rows.last() else {
            return Ok(changed);
        };
        last = end.0;
        let indexes: Vec<BlindIndex> = rows
            .iter()
            .map(|(_, uscc)| office.vault.blind_index(purpose::ID, uscc))
            .collect();
        changed += index_subjects(conn, office, &indexes).await?;
    }
}

/// Facts and the traces of questions hold the index of whom they are about, and not the number itself: they follow those whose number is
/// known. What was asked about somebody whom no register of ours names keeps its old index, by which nobody can be found any more.
async fn index_subjects(
    conn: &mut PgConnection,
    office: &Office,
    people: &[BlindIndex],
) -> Result<u64> {
    let (old, new): (Vec<Vec<u8>>, Vec<Vec<u8>>) = people
        .iter()
        .flat_map(|index| {
            index
                .others
                .iter()
                .map(|other| (other.to_vec(), index.current.to_vec()))
        })
        .unzip();
    if old.is_empty() {
        return Ok(0);
    }
    let mut changed = 0;
    for statement in [
        "UPDATE fact f SET subject_index = n.new FROM unnest($2::bytea[], $3::bytea[]) AS n (old, new)
          WHERE f.centre_id = $1 AND f.subject_index = n.old",
        "UPDATE source_call c SET subject_index = n.new FROM unnest($2::bytea[], $3::bytea[]) AS n (old, new)
          WHERE c.centre_id = $1 AND c.subject_index = n.old",
    ] {
        changed += sqlx::query(statement)
            .bind(office.centre.id)
            .bind(&old)
            .bind(&new)
            .execute(&mut *conn)
            .await?
            .rows_affected();
    }
    Ok(changed)
}

/// A generation as the database keeps it; nobody rotates thirty thousand times.
fn number(generation: u16) -> i16 {
    i16::try_from(generation).unwrap_or(i16::MAX)
}

fn utf8(plain: &[u8]) -> Result<&str> {
    std::str::from_utf8(plain)
        .map_err(|_| Fault::Stored("sealed text is not UTF-8".to_owned()).into())
}

/// What was found to change counts, whether or not the server was quicker: the next pass looks again.
fn rewritten(rows: usize) -> u64 {
    u64::try_from(rows).unwrap_or(u64::MAX)
}
