// SPDX-License-Identifier: MIT
#include "harness/session.h"

#include <stdlib.h>
#include <string.h>

static void append_line(void *user, enum gyre_log_level level, const char *message)
{
    struct log_lines *lines = user;
    size_t size = sizeof(lines->text), used = strlen(lines->text), length = strlen(message) + 1;
    (void)level;
    if (length >= size)
        return;
    if (used + length >= size) {
        size_t drop = used + length + 1 - size;
        memmove(lines->text, lines->text + drop, used - drop + 1);
        used -= drop;
    }
    memcpy(lines->text + used, message, length - 1);
    memcpy(lines->text + used + length - 1, "\n", 2);
}

struct gyre_log log_into(struct log_lines *lines)
{
    lines->text[0] = '\0';
    return (struct gyre_log){.fn = append_line, .user = lines, .level = GYRE_LOG_WARNING};
}

// Whether the comma-separated `list` has `word`.
static bool has_word(const char *list, const char *word)
{
    size_t length = strlen(word);
    while (list != NULL && *list != '\0') {
        size_t n = strcspn(list, ",");
        if (n == length && strncmp(list, word, n) == 0)
            return true;
        list += n + (list[n] == ',');
    }
    return false;
}

static bool fits(const struct gyre_device_info *info, const char *filter)
{
    return filter == NULL || *filter == '\0' || has_word(filter, "all") ||
           has_word(filter, info->id) || has_word(filter, gyre_backend_name(info->backend));
}

struct device_set devices_find(const char *filter)
{
    struct device_set set = {0};
    struct gyre_device_list *list;
    if (filter == NULL || *filter == '\0')
        filter = getenv("GYRE_TEST_DEVICES");
    if (gyre_device_list_create(NULL, &list) != GYRE_OK)
        return set;
    size_t n = gyre_device_list_count(list);
    set.infos = calloc(n + 1, sizeof(*set.infos));
    for (size_t i = 0; set.infos != NULL && i < n; i++) {
        const struct gyre_device_info *info = gyre_device_list_get(list, i);
        if (fits(info, filter))
            set.infos[set.n++] = *info;
    }
    gyre_device_list_destroy(&list);
    return set;
}

void devices_free(struct device_set *set)
{
    free(set->infos);
    *set = (struct device_set){0};
}

bool devices_is_required(enum gyre_backend_kind backend)
{
    return has_word(getenv("GYRE_REQUIRE"), gyre_backend_name(backend));
}

enum gyre_status session_open(struct session *session, const char *name)
{
    memset(session, 0, sizeof(*session));
    struct gyre_device_params params = {.name = name, .log = log_into(&session->log)};
    enum gyre_status status = gyre_device_open(&params, &session->device);
    if (status != GYRE_OK)
        return status;
    session->info = gyre_device_get_info(session->device);
    status = gyre_stream_create(session->device, &session->stream);
    if (status != GYRE_OK)
        session_close(session);
    return status;
}

void session_close(struct session *session)
{
    gyre_stream_destroy(&session->stream);
    gyre_device_destroy(&session->device);
    session->info = NULL;
}
