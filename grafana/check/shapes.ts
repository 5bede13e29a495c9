// What a dashboard may hold: Grafana's own types, put together by the kind of a panel. It is not
// compiled here: schema.mjs copies it beside the dashboards, where Grafana's schema is found.
import type * as grafana from "@grafana/schema";
import type * as bargauge from "@grafana/schema/dist/esm/raw/composable/bargauge/panelcfg/x/BarGaugePanelCfg_types.gen.d.ts";
import type * as stat from "@grafana/schema/dist/esm/raw/composable/stat/panelcfg/x/StatPanelCfg_types.gen.d.ts";
import type * as statetimeline from "@grafana/schema/dist/esm/raw/composable/statetimeline/panelcfg/x/StateTimelinePanelCfg_types.gen.d.ts";
import type * as table from "@grafana/schema/dist/esm/raw/composable/table/panelcfg/x/TablePanelCfg_types.gen.d.ts";
import type * as timeseries from "@grafana/schema/dist/esm/raw/composable/timeseries/panelcfg/x/TimeSeriesPanelCfg_types.gen.d.ts";

// A type as it is written in JSON: the word of an enum in place of the enum.
type Written<T> = unknown extends T
  ? unknown
  : T extends string
    ? `${T}`
    : T extends number | boolean | null | undefined
      ? T
      : T extends (infer Item)[]
        ? Written<Item>[]
        : { [Key in keyof T]: Written<T[Key]> };

// Grafana's schema has no type for queries of Prometheus.
interface Query extends Omit<grafana.DataQuery, "datasource"> {
  datasource: { type: "prometheus"; uid: string };
  expr: string;
  format: "time_series" | "table";
  instant: boolean;
  range: boolean;
  legendFormat?: string;
}

// The properties that our overrides change, and no others.
type Property =
  | { id: "unit"; value: string }
  | { id: "noValue"; value: string }
  | { id: "color"; value: Written<grafana.FieldColor> }
  | { id: "mappings"; value: Written<grafana.ValueMapping[]> }
  | { id: "custom.lineStyle"; value: Written<grafana.LineStyle> }
  | { id: "custom.fillOpacity"; value: number }
  | { id: "custom.cellOptions"; value: Written<grafana.TableCellOptions> };

type Of<Kind extends string, Options, Custom> = Written<
  Omit<grafana.Panel, "type" | "options" | "fieldConfig" | "targets">
> & {
  type: Kind;
  description: string;
  gridPos: Written<grafana.GridPos>;
  options: Written<Options>;
  targets: Query[];
  fieldConfig: {
    defaults: Written<Omit<grafana.FieldConfig, "custom">> & { custom?: Written<Partial<Custom>> };
    overrides: { matcher: { id: "byName"; options: string }; properties: Property[] }[];
  };
};

type Nothing = Record<string, never>;

export type PanelOf = {
  bargauge: Of<"bargauge", bargauge.Options, Nothing>;
  stat: Of<"stat", stat.Options, Nothing>;
  "state-timeline": Of<"state-timeline", statetimeline.Options, statetimeline.FieldConfig>;
  table: Of<"table", table.Options, table.FieldConfig>;
  timeseries: Of<"timeseries", timeseries.Options, timeseries.FieldConfig>;
  row: Written<grafana.RowPanel>;
};

// What Grafana's Prometheus adds to an annotation.
type Mark = Written<Omit<grafana.AnnotationQuery, "target">> & {
  expr: string;
  target: { expr: string; refId: "Anno" };
  titleFormat: string;
  textFormat: string;
  useValueForTime: boolean;
};

// All of a dashboard but its panels, which are looked at one by one.
export type Page = Written<Omit<grafana.Dashboard, "panels" | "annotations">> & { annotations: { list: Mark[] } };

// If a type of Grafana's is not found, it takes everything. Then these wrong words are taken, too,
// and the compiler says that an error was expected here.
// @ts-expect-error
"backgroundd" satisfies PanelOf["stat"]["options"]["colorMode"];
// @ts-expect-error
"gradientt" satisfies PanelOf["bargauge"]["options"]["displayMode"];
// @ts-expect-error
"large" satisfies PanelOf["table"]["options"]["cellHeight"];
// @ts-expect-error
"sometimes" satisfies PanelOf["state-timeline"]["options"]["showValue"];
// @ts-expect-error
"lines" satisfies NonNullable<PanelOf["timeseries"]["fieldConfig"]["defaults"]["custom"]>["drawStyle"];
// @ts-expect-error
"queri" satisfies NonNullable<NonNullable<Page["templating"]>["list"]>[number]["type"];
