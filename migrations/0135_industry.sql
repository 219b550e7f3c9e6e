-- 行业 (GB/T 4754, its letter): told by the employer among its basic data (services.md, employer-info-maintain), since the market regulator's fact
-- has none. For the relief report by industry (organisation.md §4).
ALTER TABLE employer ADD COLUMN industry text CHECK (industry ~ '^[A-T]$');
