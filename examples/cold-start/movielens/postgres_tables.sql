-- The site's films, as PostgreSQL keeps them.
CREATE TABLE film (
  film_id bigint PRIMARY KEY,
  title text NOT NULL,
  genres text[] NOT NULL,
  create_time timestamptz NOT NULL DEFAULT now()
);
