-- Tables of the embedded SQLite: films and directors as they land from changes.jsonl.
CREATE TABLE IF NOT EXISTS film (film_id PRIMARY KEY, title, genres, director, create_time) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS director (name PRIMARY KEY, level) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS film_of_director ON film (director);
