"""The sentences of the tour, in Portuguese and in English."""

from collections.abc import Mapping

LANGUAGES = ("pt", "en")

TEXTS: dict[str, tuple[str, str]] = {
    "stage.ingest": ("Coleta de dados da B3", "Fetch B3's data"),
    "seen.ingest": (
        "{days} pregões, o mais novo de {day}: {tickers}\nfonte: {source}",
        "{days} sessions, the newest of {day}: {tickers}\nsource: {source}",
    ),
    "stage.raw": ("Dados brutos no S3 em Parquet, partição diária", "Raw data in S3 as Parquet, partitioned by day"),
    "seen.raw": (
        "{key}\nlinhas: {rows}, bytes: {size}\nrequest id {request}",
        "{key}\nrows: {rows}, bytes: {size}\nrequest id {request}",
    ),
    "stage.event": ("O bucket aciona a função Lambda", "The bucket triggers the Lambda function"),
    "seen.event": (
        "evento {events} de {prefix}\nfila {queue}\nfunção {function}\ninvocada em {time}\nrequest id {request}",
        "event {events} of {prefix}\nqueue {queue}\nfunction {function}\ninvoked at {time}\nrequest id {request}",
    ),
    "stage.start": ("A Lambda só inicia o job do Glue", "The Lambda function only starts the Glue job"),
    "seen.start": (
        "{runtime}, job {job}\nrequest id {request}\niniciou a execução {run} ({state})",
        "{runtime}, job {job}\nrequest id {request}\nstarted the run {run} ({state})",
    ),
    "stage.transform": ("O job do Glue faz as transformações A, B e C", "The Glue job makes transformations A, B, C"),
    "seen.transform": (
        "execução {run}\niniciada em {time}; {ticker} em {day},\nconferido com os dados brutos:\n"
        "A agregação: total_volume = {volume}, linhas somadas: {bars}\n"
        "B nomes: open → open_price ({open}), close → close_price ({close})\n"
        "C datas: close_ma_{dates} = {average}, close_delta = {delta}",
        "run {run}\nstarted at {time}; {ticker} on {day},\ncompared with the raw data:\n"
        "A aggregation: total_volume = {volume}, rows summed: {bars}\n"
        "B names: open → open_price ({open}), close → close_price ({close})\n"
        "C dates: close_ma_{dates} = {average}, close_delta = {delta}",
    ),
    "stage.refined": ("Dados refinados, por data e ticker", "Refined data, by date and ticker"),
    "seen.refined": ("{key}\nbytes: {size}\nrequest id {request}", "{key}\nbytes: {size}\nrequest id {request}"),
    "stage.catalog": ("Catalogado automaticamente no Glue Catalog", "Catalogued automatically in the Glue Catalog"),
    "seen.catalog": (
        "tabela {table}\npartições por {keys}\npartição {values}, registrada em {time}",
        "table {table}\npartitioned by {keys}\npartition {values}, registered at {time}",
    ),
    "stage.athena": ("Consulta SQL no Athena", "SQL in Athena"),
    "seen.athena": (
        "workgroup {workgroup}\n{sql}\nresposta: {answer}",
        "workgroup {workgroup}\n{sql}\nanswer: {answer}",
    ),
    "missing.raw": (
        "Não há dados em {uri}. Faça a ingestão: `make ingest` (nesta máquina) ou `b3lake fetch` (na conta).",
        "There is no data in {uri}. Fetch it: `make ingest` (this machine) or `b3lake fetch` (the account).",
    ),
    "missing.columns": (
        "{uri} não tem as colunas {columns}: `b3lake doctor` diz o que há de errado.",
        "{uri} lacks the columns {columns}: `b3lake doctor` says what is wrong.",
    ),
    "missing.unreadable": (
        "{uri} não pode ser lido como o Parquet que deveria ser: `b3lake doctor` diz o que há de errado.",
        "{uri} cannot be read as the Parquet that belongs there: `b3lake doctor` says what is wrong.",
    ),
    "missing.notification": (
        "O bucket {bucket} não avisa a fila {queue} dos objetos novos: implante a stack de novo (`sam deploy`).",
        "The bucket {bucket} tells the queue {queue} of no new object: deploy the stack again (`sam deploy`).",
    ),
    "missing.mapping": (
        "A fila {queue} não está ligada à função {function}: implante a stack de novo (`sam deploy`).",
        "The queue {queue} does not reach the function {function}: deploy the stack again (`sam deploy`).",
    ),
    "missing.invocation": (
        "O log {group} não mostra nenhuma invocação. Faça a ingestão de um dia novo e espere um minuto.",
        "The log {group} shows no invocation. Fetch a day that is not there yet, and wait a minute.",
    ),
    "missing.started": (
        "Nenhuma execução de {job} foi iniciada pela função. Faça a ingestão de um dia novo e espere um minuto.",
        "No run of {job} was started by the function. Fetch a day that is not there yet, and wait a minute.",
    ),
    "missing.job": (
        "A função {function} não inicia {job}: implante a stack de novo (`sam deploy`).",
        "The function {function} does not start {job}: deploy the stack again (`sam deploy`).",
    ),
    "missing.run": (
        "Nenhuma execução de {job} terminou com sucesso (a última: {state}). Espere, ou veja o log do job.",
        "No run of {job} has succeeded (the last: {state}). Wait, or see the job's log.",
    ),
    "missing.refined": (
        "{uri} não existe: o job ainda não refinou esse dia. Espere a execução terminar, ou inicie o job.",
        "{uri} is not there: the job has not refined that day yet. Wait for its run, or start the job.",
    ),
    "missing.dates": (
        "A média de {dates} pregões pede {dates} dias de {ticker}, e há {found}. Faça a ingestão de mais dias.",
        "The average of {dates} sessions needs {dates} days of {ticker}, and there are {found}. Fetch more days.",
    ),
    "missing.value": (
        "{name} de {ticker} em {day} é {found}, e dos dados brutos seria {expected}: execute o job outra vez.",
        "{name} of {ticker} on {day} is {found}, and the raw data gives {expected}: run the job again.",
    ),
    "missing.partition": (
        "A partição {values} não está na tabela {table}: execute o job outra vez, ou `b3lake doctor --fix`.",
        "The partition {values} is not in the table {table}: run the job again, or `b3lake doctor --fix`.",
    ),
    "missing.answer": (
        "O Athena não respondeu com a linha de {ticker} em {day}, mas com {answer}.",
        "Athena did not answer with the row of {ticker} on {day}, but with {answer}.",
    ),
    "missing.aws": ("{said}", "{said}"),
    "title": ("Etapas do data lake {env}, bucket {bucket}", "The stages of the data lake {env}, bucket {bucket}"),
    "all": ("Todas as {count} etapas foram vistas.", "All {count} stages were seen."),
    "not_all": (
        "Vistas {seen} de {count} etapas; não vistas: {stages}.",
        "{seen} of {count} stages seen; not: {stages}.",
    ),
}


def language_of(environ: Mapping[str, str]) -> str:
    """`en` where the locale names a language other than Portuguese, else `pt`."""
    locale = environ.get("LC_ALL") or environ.get("LC_MESSAGES") or environ.get("LANG") or ""
    named = locale.partition(".")[0].partition("_")[0].lower()
    return "pt" if named in {"", "c", "posix", "pt"} else "en"


def text(key: str, language: str, /, **values: object) -> str:
    """The sentence `key` in `language`, with its values."""
    return TEXTS[key][LANGUAGES.index(language)].format(**values)
