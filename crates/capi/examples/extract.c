/* Lines in, canonical bytes out, as `rankine extract --to bytes` writes them: per row u32 length (little-endian), then the bytes.
 *
 *   cc -I crates/capi/include crates/capi/examples/extract.c -L target/release -lrankine_c -o extract
 *   LD_LIBRARY_PATH=target/release ./extract feature.toml fit.json < rows.txt > features.bin
 *   LD_LIBRARY_PATH=target/release ./extract models/widedeep/1     < rows.txt        # a folder: prints a score per row
 */
#include "rankine.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static char *read_file(const char *name, size_t *length) {
  FILE *file = fopen(name, "rb");
  char *text = NULL;
  *length = 0;
  if (!file) return NULL;
  for (size_t room = 0, got = 1; got > 0; *length += got) {
    if (*length == room) text = realloc(text, room = 2 * room + 4096);
    got = fread(text + *length, 1, room - *length, file);
  }
  fclose(file);
  return text;
}

static int failed(const char *what) {
  fprintf(stderr, "%s: %s\n", what, rankine_error());
  return 1;
}

static int extract(rankine_extractor *extractor, int scoring) {
  char *line = NULL;
  size_t room = 0;
  ssize_t got;
  unsigned long row = 0;
  while ((got = getline(&line, &room, stdin)) > 0) {
    const uint8_t *bytes;
    size_t length;
    row++;
    if (line[got - 1] == '\n') got--;
    if (rankine_extract_line(extractor, line, (size_t)got, &bytes, &length)) {
      fprintf(stderr, "line %lu: %s\n", row, rankine_error());
      continue;
    }
    if (scoring) {
      float score;
      if (rankine_score(extractor, &score)) return failed("score");
      printf("%.9g\n", score);
    } else {
      uint8_t head[4] = {(uint8_t)length, (uint8_t)(length >> 8), (uint8_t)(length >> 16), (uint8_t)(length >> 24)};
      fwrite(head, 1, 4, stdout);
      fwrite(bytes, 1, length, stdout);
    }
  }
  free(line);
  return 0;
}

static int of_model(const char *folder) {
  rankine_model *model;
  rankine_extractor *extractor;
  if (rankine_model_open(folder, strlen(folder), &model)) return failed(folder);
  if (rankine_extractor_of_model(model, &extractor)) return failed(folder);
  rankine_model_free(model); /* the extractor holds what it needs */
  int code = extract(extractor, 1);
  rankine_extractor_free(extractor);
  return code;
}

int main(int count, char **arguments) {
  size_t conf_length, fit_length = 0;
  char hash[33];
  rankine_plan *plan;
  rankine_extractor *extractor;
  if (rankine_abi() != RANKINE_ABI) return fprintf(stderr, "another library than header\n"), 1;
  if (count < 2) return fprintf(stderr, "usage: extract CONF.toml [FIT.json] | extract MODEL_FOLDER\n"), 2;
  if (!strstr(arguments[1], ".toml")) return of_model(arguments[1]);
  char *conf = read_file(arguments[1], &conf_length);
  char *fit = count > 2 ? read_file(arguments[2], &fit_length) : NULL;
  if (rankine_plan_compile(conf, conf_length, fit, fit_length, &plan)) return failed(arguments[1]);
  free(conf);
  free(fit);
  if (rankine_plan_hash(plan, hash)) return failed("hash");
  fprintf(stderr, "conf %s, %zu fields, the first is %s\n", hash, rankine_plan_fields(plan), rankine_plan_field(plan, 0));
  if (rankine_extractor_new(plan, &extractor)) return failed("extractor");
  rankine_plan_free(plan); /* the extractor holds what it needs */
  int code = extract(extractor, 0);
  rankine_extractor_free(extractor);
  return code;
}
