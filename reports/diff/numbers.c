/* Numbers that moved: over the cases of a scenario and model that have them in both runs. */
#include "reports/diff/impl.h"

#include <stdlib.h>
#include <string.h>

#define MOST 10000000000000 /* what a value counts for in a sum at most, so that 900,000 of them fit */

bool it_diff_is_time(const char *name)
{
    static const char *const TIMES[] = {"t_", "freeze_silent", "longest_freeze", "jitter"};
    for (size_t k = 0; k < sizeof TIMES / sizeof *TIMES; k++)
        if (strncmp(name, TIMES[k], strlen(TIMES[k])) == 0)
            return true;
    return false;
}

void it_diff_middle(const it_diff_number *x, const char *name, int64_t *old, int64_t *now)
{
    int64_t n = it_diff_is_time(name) && x->old.n ? (int64_t)x->old.n : 1;
    *old = x->sum_old / n;
    *now = x->sum_now / n;
}

/* The number called |name| of |c|'s scenario and model, made if need be; NULL on no memory. */
static it_diff_number *number_of(it_diff *d, const it_diff_case *c, uint32_t name)
{
    uint64_t key[2] = {(uint64_t)c->stem << 32 | c->model, name};
    uint32_t at = it_map_get(&d->number_map, key);
    if (at != IT_MAP_NONE)
        return &d->numbers[at];
    if (it_grow(d->alloc, &d->numbers, &d->cap_numbers, d->n_numbers + 1, sizeof *d->numbers) < 0 ||
        it_map_put(&d->number_map, key, (uint32_t)d->n_numbers) < 0)
        return NULL;
    it_diff_number *x = &d->numbers[d->n_numbers++];
    *x = (it_diff_number){.stem = c->stem, .model = c->model, .name = name};
    x->old.alloc = x->now.alloc = d->alloc;
    return x;
}

static int64_t distance(int64_t a, int64_t b)
{
    uint64_t v = a < b ? (uint64_t)b - (uint64_t)a : (uint64_t)a - (uint64_t)b;
    return v > INT64_MAX ? INT64_MAX : (int64_t)v;
}

static int64_t number_part(int64_t v)
{
    if (v > MOST)
        return MOST;
    return v < -MOST ? -MOST : v;
}

/* Counts one pair, of the case called |id|. */
static int number_add(it_diff *d, it_diff_number *x, int64_t old, int64_t now, const char *id)
{
    it_numbers_add(&x->old, old);
    it_numbers_add(&x->now, now);
    x->sum_old += number_part(old);
    x->sum_now += number_part(now);
    if (x->old.oom || x->now.oom)
        return IT_ERR_NOMEM;
    if (old == now)
        return 0;
    x->differ++;
    if (x->most && distance(old, now) <= distance(x->most_old, x->most_now))
        return 0;
    it_free(d->alloc, x->most);
    x->most = it_strdup(d->alloc, id);
    x->most_old = old;
    x->most_now = now;
    return x->most ? 0 : IT_ERR_NOMEM;
}

/* The value called |name| of the |n| numbers at |list|; NULL: it is not there. */
static const it_diff_metric *metric_of(const it_diff_metric *list, size_t n, uint32_t name)
{
    for (size_t i = 0; i < n; i++)
        if (list[i].name == name)
            return &list[i];
    return NULL;
}

static bool pair_judged(const it_diff *d, const it_diff_case *c)
{
    const char *v = it_diff_word(d, c->side.verdict);
    return strcmp(v, "pass") == 0 || strcmp(v, "fail") == 0;
}

int it_diff_pair(it_diff *d, const it_diff_case *old, const it_diff_case *now)
{
    if (!pair_judged(d, old) || !pair_judged(d, now))
        return 0;
    for (size_t i = 0; i < now->n_metrics; i++) {
        const it_diff_metric m = d->metrics[now->metrics + i];
        const it_diff_metric *was = metric_of(d->metrics + old->metrics, old->n_metrics, m.name);
        it_diff_number *x = number_of(d, old, m.name);
        if (!x)
            return IT_ERR_NOMEM;
        x->only_now += !was;
        if (was && number_add(d, x, was->v, m.v, old->id) < 0)
            return IT_ERR_NOMEM;
    }
    for (size_t i = 0; i < old->n_metrics; i++) {
        uint32_t name = d->metrics[old->metrics + i].name;
        if (metric_of(d->metrics + now->metrics, now->n_metrics, name))
            continue;
        it_diff_number *x = number_of(d, old, name);
        if (!x)
            return IT_ERR_NOMEM;
        x->only_old++;
    }
    return 0;
}

void it_diff_number_fini(it_diff *d, it_diff_number *x)
{
    it_str nobody;
    it_str_init(&nobody, d->alloc);
    it_numbers_fini(&x->old, &nobody);
    it_numbers_fini(&x->now, &nobody);
    it_free(d->alloc, x->most);
}

/* --- what moved --- */

/* How far |now| is from |old|, in thousandths of |old|; from 0 it is as far as can be. */
static int64_t move_of(int64_t old, int64_t now)
{
    int64_t by = distance(old, now), of = distance(old, 0);
    if (by == 0)
        return 0;
    while (by > INT64_MAX / 1000) {
        by /= 2;
        of /= 2;
    }
    return of ? by * 1000 / of : INT64_MAX;
}

static void number_settle(it_diff_number *x, const char *name)
{
    int64_t old, now;
    it_diff_middle(x, name, &old, &now);
    x->moved = move_of(old, now);
    for (int percent = 50; percent <= 95; percent += 45) {
        int64_t move = move_of(it_numbers_rank(&x->old, percent), it_numbers_rank(&x->now, percent));
        x->moved = move > x->moved ? move : x->moved;
    }
}

/* Whether |x| is to be told: it moved by more than |bound| percent, or other cases have it. */
static bool number_told(const it_diff_number *x, int bound)
{
    if (x->only_old || x->only_now)
        return true;
    return bound == 0 ? x->differ > 0 : x->moved > (int64_t)bound * 10;
}

static int by_move(const void *pa, const void *pb)
{
    const it_diff_number *a = pa, *b = pb;
    if (a->moved != b->moved)
        return a->moved > b->moved ? -1 : 1;
    if (a->stem != b->stem)
        return a->stem < b->stem ? -1 : 1;
    if (a->model != b->model)
        return a->model < b->model ? -1 : 1;
    return (a->name > b->name) - (a->name < b->name);
}

void it_diff_settle_numbers(it_diff *d)
{
    size_t n = 0;
    for (size_t i = 0; i < d->n_numbers; i++) {
        it_diff_number *x = &d->numbers[i];
        number_settle(x, it_diff_word(d, x->name));
        if (number_told(x, d->bound))
            d->numbers[n++] = *x;
        else
            it_diff_number_fini(d, x);
    }
    d->n_numbers = n;
    if (n > 0)
        qsort(d->numbers, n, sizeof *d->numbers, by_move);
}
