/* "Did you mean": the nearest of the names one is shown. */
#ifndef IT_BASE_TEXT_NEAR_H
#define IT_BASE_TEXT_NEAR_H

#define IT_NEAR_MAX 512 /* longer names are never near */

typedef struct it_near {
    const char *word;
    const char *best; /* the nearest so far: at most a third of |word|'s bytes, or one, differ; NULL: none is near */
    int distance;
} it_near;

/* Starts a search for |word|, which has to live as long as |n|. */
void it_near_init(it_near *n, const char *word);

/* Looks at |name|; of two that are equally near the first stays. |name| has to live as long as |n|. */
void it_near_try(it_near *n, const char *name);

#endif
