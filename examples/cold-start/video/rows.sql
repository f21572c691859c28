-- A dozen videos by four authors, forty users and what they clicked on one day: enough to see that it goes. Each of four kinds has an author
-- and three videos; a user likes one kind.
CREATE TABLE user_feature (user_id bigint, update_time timestamp, user_gender text, user_city text, likes text);
CREATE TABLE behaviour (user_id bigint, item_id bigint, request_id bigint, event text, event_time timestamp, dt text);

INSERT INTO author_feature
SELECT
  10 + k,
  (ARRAY['f', 'm'])[1 + k % 2],
  1 + k,
  k % 2,
  (ARRAY['Bonn', 'Kiel', 'Ulm'])[1 + k % 3],
  'person',
  1000 * (k + 1), 5000 * (k + 1), 10 * k, 40, 60,
  20000 * (k + 1), 200, 3000, 400, 7 + k, 90, 50,
  k || ':' || 100 * (k + 1) || ',9:5', k || ':' || 700 * (k + 1) || ',9:30', k || ':' || 1500 * (k + 1) || ',9:70',
  1000, 7000, 15000, 100, 700, 1500, 10, 70, 150, 1, 7, 15,
  (ARRAY['music,singer', 'dance,street', 'food,cook', 'games,arcade'])[1 + k],
  timestamptz '2022-03-08 20:00+00' - k * interval '5 days'
FROM generate_series(0, 3) AS k;

INSERT INTO smart_video_sign
SELECT 100 + i, i % 4, CASE WHEN i < 8 THEN 0.5 + i / 20.0 END
FROM generate_series(0, 11) AS i;

INSERT INTO video_name_tag_embedding
SELECT
  100 + i,
  (ARRAY['music', 'dance', 'food', 'games'])[1 + i % 4],
  (ARRAY['live', 'lesson', 'daily'])[1 + i / 4],
  (ARRAY['music,song', 'dance,step', 'food,dish', 'games,level'])[1 + i % 4],
  ARRAY[i % 4 = 0, i % 4 = 1, i % 4 = 2, i % 4 = 3]::int[]::real[],
  ARRAY[i / 4, 1, i % 2, 0.5]::real[]
FROM generate_series(0, 11) AS i;

-- video 12 is of before start_time
INSERT INTO item_table
SELECT
  i + 1, 10 + i % 4, 100 + i,
  (ARRAY['Song', 'Steps', 'Soup', 'Stage'])[1 + i % 4] || ' number ' || i + 1,
  CASE WHEN i < 11 THEN timestamptz '2022-03-03 08:00+00' + i * interval '12 hours' ELSE '2022-02-20 08:00+00' END,
  15 + i, 1 + i % 2, 1, 0, 0.25, 720, 1280, i % 3 / 2, CASE WHEN i % 3 = 0 THEN 'spring' END
FROM generate_series(0, 11) AS i;

INSERT INTO user_feature
SELECT
  u, '2022-03-01 00:00:00',
  (ARRAY['f', 'm'])[1 + u % 2],
  (ARRAY['Bonn', 'Kiel', 'Ulm'])[1 + u % 3],
  (ARRAY['music', 'dance', 'food', 'games'])[1 + u % 4]
FROM generate_series(1, 40) AS u;

-- every user is shown every video and clicks those of his kind
INSERT INTO behaviour
SELECT u, i + 1, u, event, timestamp '2022-03-10 09:00:00' + u * interval '1 minute' + i * interval '1 second', '20220310'
FROM generate_series(1, 40) AS u
CROSS JOIN generate_series(0, 11) AS i
CROSS JOIN (VALUES ('expose'), ('click')) AS e (event)
WHERE event = 'expose' OR i % 4 = u % 4;
