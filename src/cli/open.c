// SPDX-License-Identifier: MIT
#include "open.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "command.h"
#include "term.h"

static void show(enum gyre_log_level level, const char *message)
{
    static const char *const names[] = {"error", "warning", "info", "debug"};
    static const enum style styles[] = {STYLE_RED, STYLE_YELLOW, STYLE_DIM, STYLE_DIM};
    fprintf(stderr, "%s%s:%s %s\n", style(stderr, styles[level]), names[level],
            style(stderr, STYLE_NONE), message);
}

static void show_line(void *user, enum gyre_log_level level, const char *message)
{
    (void)user;
    show(level, message);
}

static enum gyre_log_level shown_level(const struct common *common)
{
    int level = GYRE_LOG_WARNING + common->verbosity;
    return level < GYRE_LOG_DEBUG ? (enum gyre_log_level)level : GYRE_LOG_DEBUG;
}

struct gyre_log shown_log(const struct common *common)
{
    return (struct gyre_log){.fn = show_line, .level = shown_level(common)};
}

static void keep_and_show(void *user, enum gyre_log_level level, const char *message)
{
    struct opened *opened = user;
    if (level <= opened->kept.level)
        opened->kept.fn(opened->kept.user, level, message);
    if (level <= opened->shown)
        show(level, message);
}

bool opened_open(struct opened *opened, const struct common *common, const char *name, int *code)
{
    memset(opened, 0, sizeof(*opened));
    opened->kept = log_into(&opened->session.log);
    opened->shown = shown_level(common);
    struct gyre_device_params params = {
        .name = name,
        .n_threads = common->n_threads,
        .log = {.fn = keep_and_show, .user = opened, .level = opened->shown},
    };
    struct session *session = &opened->session;
    enum gyre_status status = gyre_device_open(&params, &session->device);
    if (status == GYRE_OK) {
        session->info = gyre_device_get_info(session->device);
        status = gyre_stream_create(session->device, &session->stream);
    }
    if (status == GYRE_OK)
        return true;
    opened_close(opened);
    complain(0, "device %s cannot be used: %s", name != NULL ? name : "(default)",
             gyre_status_name(status));
    *code = status == GYRE_INVALID ? CODE_USAGE : CODE_DEVICE;
    return false;
}

void opened_close(struct opened *opened)
{
    session_close(&opened->session);
}

static bool add_name(struct names *names, const char *name)
{
    void *grown = realloc(names->items, (names->n + 1) * sizeof(*names->items));
    if (grown == NULL)
        return false;
    names->items = grown;
    snprintf(names->items[names->n++], sizeof(*names->items), "%s", name);
    return true;
}

struct names names_find(const struct common *common)
{
    struct names names = {0};
    const char *device = common->device != NULL ? common->device : "";
    if (strcmp(device, "all") != 0) {
        add_name(&names, device);
        return names;
    }
    struct gyre_device_params params = {.log = shown_log(common), .n_threads = common->n_threads};
    struct gyre_device_list *list;
    if (gyre_device_list_create(&params, &list) != GYRE_OK)
        return names;
    for (size_t i = 0; i < gyre_device_list_count(list); i++)
        add_name(&names, gyre_device_list_get(list, i)->id);
    gyre_device_list_destroy(&list);
    return names;
}

void names_free(struct names *names)
{
    free(names->items);
    *names = (struct names){0};
}

int complain_status(const struct opened *opened, const char *what, enum gyre_status status)
{
    int code = status == GYRE_INVALID ? CODE_USAGE : CODE_DEVICE;
    return complain(code, "%s on %s: %s", what, opened->session.info->id, gyre_status_name(status));
}
