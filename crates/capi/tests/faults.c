/* What C can do wrong is answered with a status and a reason, and never ends the process. Usage: faults CONF.toml. Prints `good`. */
#include "rankine.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define EXPECT(status, expected, reason)                                                            \
  do {                                                                                              \
    rankine_status got = (status);                                                                  \
    if (got != (expected) || !strstr(rankine_error(), reason)) {                                    \
      printf("line %d: expected %d `%s`, got %d `%s`\n", __LINE__, expected, reason, got, rankine_error()); \
      exit(1);                                                                                      \
    }                                                                                               \
  } while (0)

static const char CONF[] = "format = 1\nname = \"c\"\nschema.user = [{ name = \"u\", type = \"int\" }]\n"
                           "feature = [{ name = \"f\", class = \"id\", slot = 1, depend = [\"u\"] }]\n";

static void *other_thread(void *plan) {
  rankine_extractor *extractor;
  const uint8_t *bytes;
  size_t length;
  if (*rankine_error()) printf("another thread's error\n"), exit(1);
  EXPECT(rankine_extractor_new(plan, &extractor), RANKINE_OK, "");
  for (int i = 0; i < 1000; i++) {
    char line[16];
    int n = snprintf(line, sizeof line, "%d", i);
    EXPECT(rankine_extract_line(extractor, line, (size_t)n, &bytes, &length), RANKINE_OK, "");
    if (length != 4 + 1 + 4 + 12 || bytes[0] != 1) printf("bytes\n"), exit(1);
  }
  rankine_extractor_free(extractor);
  return NULL;
}

int main(void) {
  rankine_plan *plan = NULL;
  rankine_model *model = NULL;
  rankine_extractor *extractor = NULL;
  float score;
  char hash[33];
  size_t conf = sizeof CONF - 1;
  if (*rankine_error()) return printf("an error before any call\n"), 1;
  EXPECT(rankine_plan_compile(NULL, 3, NULL, 0, &plan), RANKINE_INVALID, "conf: expected a pointer, got NULL");
  EXPECT(rankine_plan_compile(CONF, conf, NULL, 0, NULL), RANKINE_INVALID, "plan: expected a pointer");
  EXPECT(rankine_plan_compile("\xff", 1, NULL, 0, &plan), RANKINE_INVALID, "byte 0 is not");
  EXPECT(rankine_plan_compile(CONF, conf - 20, NULL, 0, &plan), RANKINE_CONF, "conf:4");
  EXPECT(rankine_plan_compile(CONF, conf, "{}", 2, &plan), RANKINE_CONF, "fit: ");
  EXPECT(rankine_plan_compile(CONF, (size_t)-1, NULL, 0, &plan), RANKINE_INVALID, "conf: ");
  EXPECT(rankine_model_open("/nowhere", 8, &model), RANKINE_CONF, "/nowhere");
  EXPECT(rankine_extractor_new(NULL, &extractor), RANKINE_INVALID, "plan: ");
  EXPECT(rankine_extractor_of_model(NULL, &extractor), RANKINE_INVALID, "model: ");
  EXPECT(rankine_extract_line(NULL, "1", 1, NULL, NULL), RANKINE_INVALID, "extractor: ");
  EXPECT(rankine_plan_hash(NULL, hash), RANKINE_INVALID, "plan: ");
  if (plan || model || extractor) return printf("something was written by a failed call\n"), 1;
  if (rankine_plan_fields(NULL) != 0 || rankine_plan_field(NULL, 0)) return printf("fields of NULL\n"), 1;
  rankine_plan_free(NULL);
  rankine_model_free(NULL);
  rankine_extractor_free(NULL);

  EXPECT(rankine_plan_compile(CONF, conf, NULL, 0, &plan), RANKINE_OK, "");
  if (rankine_plan_fields(plan) != 1 || strcmp(rankine_plan_field(plan, 0), "u") || rankine_plan_field(plan, 1))
    return printf("fields\n"), 1;
  EXPECT(rankine_plan_hash(plan, NULL), RANKINE_INVALID, "hash: ");
  EXPECT(rankine_plan_hash(plan, hash), RANKINE_OK, "");
  if (strlen(hash) != 32) return printf("hash %s\n", hash), 1;
  EXPECT(rankine_extractor_new(plan, &extractor), RANKINE_OK, "");
  EXPECT(rankine_score(extractor, &score), RANKINE_STATE, "made of a plan");
  EXPECT(rankine_extract_line(extractor, "x", 1, NULL, NULL), RANKINE_ROW, "field `u`: expected int, got `x`");
  EXPECT(rankine_extract_line(extractor, "1\t2", 3, NULL, NULL), RANKINE_ROW, "expected 1 cells, got 2");
  EXPECT(rankine_extract_json(extractor, "[1]", 3, NULL, NULL), RANKINE_ROW, "expected a JSON object");
  EXPECT(rankine_extract_json(extractor, "{\"u\": \"5.0\"}", 12, NULL, NULL), RANKINE_OK, "");
  EXPECT(rankine_extract_line(extractor, "", 0, NULL, NULL), RANKINE_ROW, "expected int");

  pthread_t threads[4];
  for (int i = 0; i < 4; i++) pthread_create(&threads[i], NULL, other_thread, plan);
  for (int i = 0; i < 4; i++) pthread_join(threads[i], NULL);
  EXPECT(rankine_extract_line(extractor, "7", 1, NULL, NULL), RANKINE_OK, "");
  rankine_extractor_free(extractor);
  rankine_plan_free(plan);
  printf("good\n");
  return 0;
}
