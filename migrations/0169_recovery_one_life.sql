-- 追回: one life for all money that is asked back. What a cancelled contract claims (0148) becomes a row of `recovery` like what a fraud
-- finding claims: the reason, and who gives it back, are columns. The numbers stay, so that a code on a letter (TF…, ZH…) finds its claim.

ALTER TABLE recovery
  ADD COLUMN reason       smallint NOT NULL DEFAULT 1 CHECK (reason IN (1, 2)),   -- 1 违规提取, 2 购房合同撤销
  ADD COLUMN debtor       smallint NOT NULL DEFAULT 1 CHECK (debtor IN (1, 2)),   -- 1 the person, 2 whoever holds the supervised account
  ADD COLUMN contract_no  text,             -- of the filed contract, where that is the reason
  ADD COLUMN cancelled_on date;             -- its day, where the housing commission told it

UPDATE recovery SET reason = 2 WHERE ground = 'FR-08' AND entry_id IS NULL;

INSERT INTO recovery (centre_id, recovery_id, person_id, branch_id, of_case, ground, finding, state, owed_fen, returned_fen, found_at, due_on,
                      reason, debtor, contract_no, cancelled_on)
SELECT w.centre_id, w.recovery_id, w.person_id, c.branch_id, w.case_id, w.pattern, '住房城乡建设部门告知购房合同已撤销',
       CASE WHEN w.closed_at IS NULL THEN 2 ELSE 3 END, w.amount_fen, w.received_fen, w.opened_at, w.due_on,
       2, w.debtor, w.contract_no, w.cancelled_on
  FROM withdrawal_recovery w
  JOIN business_case c ON c.centre_id = w.centre_id AND c.case_id = w.case_id
    ON CONFLICT (centre_id, of_case) WHERE state <> 9 DO NOTHING;

-- The case that each claim has. Its steps until today stand with the withdrawal, where they were made, with their evidence.
INSERT INTO business_case (case_id, applicant_id, amount_fen, submitted_at, promised_at, branch_id, policy_id, centre_id, state, service, wish,
                           channel, form)
SELECT w.recovery_id, w.person_id, w.amount_fen, w.opened_at, (w.due_on + 1)::timestamp AT TIME ZONE 'Asia/Shanghai', c.branch_id, c.policy_id,
       w.centre_id, CASE WHEN w.closed_at IS NULL THEN 5 ELSE 6 END, 'withdraw-recovery', 'withdraw-recovery:' || w.case_id, 'PUSH', '{}'
  FROM withdrawal_recovery w
  JOIN business_case c ON c.centre_id = w.centre_id AND c.case_id = w.case_id
  JOIN recovery r ON r.centre_id = w.centre_id AND r.recovery_id = w.recovery_id;

-- A program of the release before still reads it; what it would write here is refused, and whoever said it says it again to this one. A
-- later release drops the table.
DO $$ BEGIN
  IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'anju_app') THEN
    REVOKE INSERT, UPDATE ON withdrawal_recovery FROM anju_app;
    REVOKE UPDATE (received_fen, closed_at) ON withdrawal_recovery FROM anju_app;
  END IF;
END $$;
