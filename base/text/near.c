/* Edit distance row by row: a byte more, less or other is one step, and so are two neighbours the wrong way round. */
#include "base/text/near.h"

#include <stdbool.h>
#include <string.h>

static int smaller(int a, int b)
{
    return b < a ? b : a;
}

/* The distance of the first |i| letters of |a| and the first |k| of |b|, from rows i - 2 (|two|), i - 1 (|up|) and what
 * row i has before k. */
static int distance_at(const char *a, size_t i, const char *b, size_t k, const int *two, const int *up, const int *row)
{
    int best = smaller(up[k - 1] + (a[i - 1] != b[k - 1]), smaller(up[k], row[k - 1]) + 1);
    bool swapped = i > 1 && k > 1 && a[i - 1] == b[k - 2] && a[i - 2] == b[k - 1];
    return swapped ? smaller(best, two[k - 2] + 1) : best;
}

/* The distance of |a| and |b|, or more than |most| when it is more. */
static int distance(const char *a, size_t n, const char *b, size_t m, int most)
{
    int rows[3][IT_NEAR_MAX + 1];
    for (size_t k = 0; k <= m; k++)
        rows[0][k] = (int)k;
    for (size_t i = 1; i <= n; i++) {
        int *row = rows[i % 3], least = (int)i;
        row[0] = (int)i;
        for (size_t k = 1; k <= m; k++) {
            row[k] = distance_at(a, i, b, k, rows[(i + 1) % 3], rows[(i - 1) % 3], row);
            least = smaller(least, row[k]);
        }
        if (least > most)
            return most + 1;
    }
    return rows[n % 3][m];
}

void it_near_init(it_near *n, const char *word)
{
    int third = (int)(strnlen(word, IT_NEAR_MAX) / 3);
    *n = (it_near){word, NULL, (third > 1 ? third : 1) + 1};
}

void it_near_try(it_near *n, const char *name)
{
    size_t a = strlen(n->word), b = strlen(name);
    size_t gap = a > b ? a - b : b - a;
    if (a > IT_NEAR_MAX || b > IT_NEAR_MAX || gap >= (size_t)n->distance)
        return;
    int d = distance(n->word, a, name, b, n->distance);
    if (d < n->distance) {
        n->distance = d;
        n->best = name;
    }
}
