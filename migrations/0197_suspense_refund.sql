-- 退回暂存款: what an employer had paid over goes back. It is no month's and no list's, so that neither stands on its refund.
ALTER TABLE employer_refund
  ALTER COLUMN remittance_id DROP NOT NULL,
  ALTER COLUMN month DROP NOT NULL;
