/* The program's version: what `icetank version` prints, and what the plan line of every results.jsonl says. */
#ifndef IT_VERSION_H
#define IT_VERSION_H

#define IT_VERSION "0.1.0"

#endif
