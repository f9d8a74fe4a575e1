import * as z from "zod/mini";
import { NetworkError } from "../errors.js";
import type { Architecture } from "./architecture.js";
import { CARN } from "./carn/index.js";
import { CARN_M } from "./carn-m/index.js";
import { DNCNN } from "./dncnn/index.js";
import { EDSR } from "./edsr/index.js";
import { ESPCN } from "./espcn/index.js";
import { ESPCN_LUMA } from "./espcn-luma/index.js";
import { FFDNET } from "./ffdnet/index.js";
import { FSRCNN } from "./fsrcnn/index.js";
import { IMDN } from "./imdn/index.js";
import { MDSR } from "./mdsr/index.js";
import { PLAINUSR } from "./plainusr/index.js";
import { RCAN } from "./rcan/index.js";
import { RFDN } from "./rfdn/index.js";
import { RLFN } from "./rlfn/index.js";
import { RRDBNET } from "./rrdbnet/index.js";
import { SPAN } from "./span/index.js";
import { SRVGG } from "./srvgg/index.js";

/** Every architecture, in the order in which text lists them. */
const REGISTRY = [
  ...[
    EDSR,
    RCAN,
    CARN,
    ESPCN,
    CARN_M,
    MDSR,
    IMDN,
    RFDN,
    RLFN,
    SPAN,
    SRVGG,
    RRDBNET,
    PLAINUSR,
    FSRCNN,
    ESPCN_LUMA,
    DNCNN,
    FFDNET,
  ],
] as const;

export type Registered = (typeof REGISTRY)[number];

export const ARCHITECTURES: readonly Architecture[] = REGISTRY;

/** What a network is, apart from its weights. */
export type NetworkOptions = z.infer<Registered["options"]>;

/** What a network is, as metadata of checkpoints and config files say it. */
export const networkOptions: z.ZodMiniType<NetworkOptions> = z.discriminatedUnion(
  "architecture",
  REGISTRY.map(({ options }) => options) as [Registered["options"], ...Registered["options"][]],
);

/** @throws NetworkError for a name that isn't registered */
export function architectureOf({ architecture }: { readonly architecture: string }): Architecture {
  const found = ARCHITECTURES.find(({ name }) => name === architecture);
  if (found) return found;
  const names = ARCHITECTURES.map(({ name }) => name).join(", ");
  throw new NetworkError(`there is no architecture ${architecture}; there are ${names}`);
}
