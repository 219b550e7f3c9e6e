-- $1 centre, $2 first and $3 last day of the year
-- What each person contributed himself: his own part (2) credited to his account, less what was taken back of it. The postings of the year stand in
-- its twelve partitions and are all read; nothing of another year is.
WITH paid AS (
    SELECT account_id, -sum(amount_fen)::bigint AS fen
      FROM posting
     WHERE centre_id = $1
       AND business_date BETWEEN $2 AND $3
       AND subject = 201
       AND part = 2
     GROUP BY account_id
),
-- An account has one owner, whatever employers it went through.
owner AS (
    SELECT paid.fen, (SELECT m.person_id FROM membership m WHERE m.centre_id = $1 AND m.account_id = paid.account_id LIMIT 1) AS person_id
      FROM paid
),
whole AS (
    SELECT coalesce(p.merged_into, p.person_id) AS person_id, sum(owner.fen)::bigint AS fen
      FROM owner
      JOIN person p ON p.centre_id = $1 AND p.person_id = owner.person_id
     GROUP BY 1
)
SELECT p.id_sealed, whole.fen
  FROM whole
  JOIN person p ON p.centre_id = $1 AND p.person_id = whole.person_id
 WHERE whole.fen <> 0
