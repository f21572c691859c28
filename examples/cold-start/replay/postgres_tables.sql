-- What samples are made of, beside the site's films.
CREATE TABLE behaviour (user_id bigint, item_id bigint, rating float8, event_time timestamp, dt text);
CREATE TABLE user_features (user_id bigint, update_time timestamp, seen text, likes text, liked_year float8);
CREATE TABLE genre_code (genre text PRIMARY KEY, code text);
CREATE VIEW film_content AS
SELECT
  f.film_id AS item_id,
  ARRAY(SELECT c.code FROM unnest(f.genres) WITH ORDINALITY AS g (genre, place) JOIN genre_code AS c USING (genre) ORDER BY g.place) AS genres,
  substring(f.title FROM '\((\d{4})\)$')::int AS release_year
FROM film AS f;
