-- why: what companies used is kept for their bills, also when Redis loses its counters or the company is gone
-- up
-- One row for each life of a day's counter in Redis: a counter that began again at zero is another one, and a day is the
-- sum of its rows. Storage is measured once a day, in the row of no counter. Rows outlive their company.
CREATE TABLE tenant_usage (
  company_id bigint NOT NULL,
  day date NOT NULL,
  counter text NOT NULL,
  requests bigint NOT NULL DEFAULT 0 CHECK (requests >= 0),
  rows bigint NOT NULL DEFAULT 0 CHECK (rows >= 0),
  bytes_in bigint NOT NULL DEFAULT 0 CHECK (bytes_in >= 0),
  bytes_out bigint NOT NULL DEFAULT 0 CHECK (bytes_out >= 0),
  jobs bigint NOT NULL DEFAULT 0 CHECK (jobs >= 0),
  storage_bytes bigint CHECK (storage_bytes >= 0),
  updated_at timestamptz NOT NULL DEFAULT now(),
  PRIMARY KEY (company_id, day, counter)
);

-- down
DROP TABLE tenant_usage;
