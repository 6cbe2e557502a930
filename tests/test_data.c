// SPDX-License-Identifier: MIT
// Cases that others wrote: every one in $GYRE_DATA_DIR (default: ../shared/data beside the
// project), on every device. Without the folder the tests are skipped.
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "data/data.h"
#include "data/folder.h"
#include "on_devices.h"

enum { MIN_PASSES = 80 }; // of the default folder's 85; 5 traces want shaders that are not embedded

struct data_run {
    struct session *session;
    struct tally tally;
};

// $GYRE_DATA_CASE narrows a run to cases whose path contains it.
static bool is_asked_for(const char *path)
{
    const char *only = getenv("GYRE_DATA_CASE");
    return only == NULL || strstr(path, only) != NULL;
}

static void report_file(struct data_run *run, const char *path, const struct result *result)
{
    const char *id = run->session->info->id;
    tally_add(&run->tally, result);
    if (result->outcome == OUTCOME_SKIP)
        printf("  skipped on %s: %s: %s\n", id, path, result->text);
    if (result->outcome == OUTCOME_FAIL)
        printf("FAIL %s on %s\n  %s\n  repeat: GYRE_TEST_DEVICES=%s GYRE_DATA_CASE=%s "
               "tests/test_data\n",
               path, id, result->text, id, path);
}

static void run_path(struct data_run *run, const char *path,
                     void (*fn)(struct session *session, const char *path, struct result *result))
{
    struct result result = {.outcome = OUTCOME_PASS};
    if (!is_asked_for(path))
        return;
    run->session->log.text[0] = '\0';
    fn(run->session, path, &result);
    report_file(run, path, &result);
}

// Each layer that has a recorded output: RoPE and then attention, and the two in one.
static void run_trace(struct data_run *run, const char *folder)
{
    struct stat st;
    char path[1024];
    for (int i = 0;; i++) {
        const int layer = i / 2;
        struct result result = {.outcome = OUTCOME_PASS};
        snprintf(path, sizeof(path), "%s/l%d_attn_out.npy", folder, layer);
        if (stat(path, &st) != 0)
            return;
        if (!is_asked_for(path))
            continue;
        data_run_trace_layer(run->session, folder, layer, i % 2 == 1, &result);
        report_file(run, path, &result);
    }
}

static void run_kind(struct data_run *run, const char *pattern,
                     void (*fn)(struct session *session, const char *path, struct result *result))
{
    glob_t found;
    struct tally before = run->tally;
    if (data_find(pattern, &found)) {
        for (size_t i = 0; i < found.gl_pathc; i++) {
            if (fn != NULL)
                run_path(run, found.gl_pathv[i], fn);
            else
                run_trace(run, found.gl_pathv[i]);
        }
        globfree(&found);
    }
    printf("  %s on %s: %u passed, %u failed, %u skipped\n", pattern, run->session->info->id,
           run->tally.n_passed - before.n_passed, run->tally.n_failed - before.n_failed,
           run->tally.n_skipped - before.n_skipped);
}

static void run_all(struct session *session, const void *context, struct tally *tally)
{
    struct data_run run = {.session = session};
    (void)context;
    run_kind(&run, "onnx-attention/*", data_run_onnx);
    run_kind(&run, "executorch-sdpa/*", data_run_executorch);
    run_kind(&run, "rope/*.txt", data_run_rope);
    run_kind(&run, "models/*/trace*", NULL);
    *tally = run.tally;
}

static void run_backend(enum gyre_backend_kind backend)
{
    bool is_whole = getenv("GYRE_DATA_DIR") == NULL && getenv("GYRE_DATA_CASE") == NULL;
    if (!data_is_there())
        skip_test("nothing to compare with: no folder", data_dir());
    run_on_devices(backend, run_all, NULL, is_whole ? MIN_PASSES : 1);
}

TEST_EACH_BACKEND(data, run_backend)
