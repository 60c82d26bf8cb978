impl serde::Serialize for BatchRecommendRequest {
    #[allow(deprecated)]
    fn serialize<S>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error>
    where
        S: serde::Serializer,
    {
        use serde::ser::SerializeStruct;
        let mut len = 0;
        if true {
            len += 1;
        }
        if true {
            len += 1;
        }
        if true {
            len += 1;
        }
        if true {
            len += 1;
        }
        if true {
            len += 1;
        }
        if true {
            len += 1;
        }
        if true {
            len += 1;
        }
        if true {
            len += 1;
        }
        if true {
            len += 1;
        }
        let mut struct_ser = serializer.serialize_struct("larder.v1.BatchRecommendRequest", len)?;
        if let Some(v) = self.subject.as_ref() {
            struct_ser.serialize_field("subject", v)?;
        }
        if let Some(v) = self.context.as_ref() {
            struct_ser.serialize_field("context", v)?;
        }
        if true {
            struct_ser.serialize_field("sessionEvents", &self.session_events)?;
        }
        if true {
            struct_ser.serialize_field("seedItems", &self.seed_items)?;
        }
        if true {
            struct_ser.serialize_field("slots", &self.slots)?;
        }
        if true {
            struct_ser.serialize_field("deduplicate", &self.deduplicate)?;
        }
        if true {
            let v = recommend_request::View::try_from(self.view)
                .map_err(|_| serde::ser::Error::custom(format!("Invalid variant {}", self.view)))?;
            struct_ser.serialize_field("view", &v)?;
        }
        if true {
            let v = recommend_request::TrafficClass::try_from(self.traffic_class)
                .map_err(|_| serde::ser::Error::custom(format!("Invalid variant {}", self.traffic_class)))?;
            struct_ser.serialize_field("trafficClass", &v)?;
        }
        if true {
            struct_ser.serialize_field("validateOnly", &self.validate_only)?;
        }
        struct_ser.end()
    }
}
impl<'de> serde::Deserialize<'de> for BatchRecommendRequest {
    #[allow(deprecated)]
    fn deserialize<D>(deserializer: D) -> std::result::Result<Self, D::Error>
    where
        D: serde::Deserializer<'de>,
    {
        const FIELDS: &[&str] = &[
            "subject",
            "context",
            "session_events",
            "sessionEvents",
            "seed_items",
            "seedItems",
            "slots",
            "deduplicate",
            "view",
            "traffic_class",
            "trafficClass",
            "validate_only",
            "validateOnly",
        ];

        #[allow(clippy::enum_variant_names)]
        enum GeneratedField {
            Subject,
            Context,
            SessionEvents,
            SeedItems,
            Slots,
            Deduplicate,
            View,
            TrafficClass,
            ValidateOnly,
        }
        impl<'de> serde::Deserialize<'de> for GeneratedField {
            fn deserialize<D>(deserializer: D) -> std::result::Result<GeneratedField, D::Error>
            where
                D: serde::Deserializer<'de>,
            {
                struct GeneratedVisitor;

                impl serde::de::Visitor<'_> for GeneratedVisitor {
                    type Value = GeneratedField;

                    fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                        write!(formatter, "expected one of: {:?}", &FIELDS)
                    }

                    #[allow(unused_variables)]
                    fn visit_str<E>(self, value: &str) -> std::result::Result<GeneratedField, E>
                    where
                        E: serde::de::Error,
                    {
                        match value {
                            "subject" => Ok(GeneratedField::Subject),
                            "context" => Ok(GeneratedField::Context),
                            "sessionEvents" | "session_events" => Ok(GeneratedField::SessionEvents),
                            "seedItems" | "seed_items" => Ok(GeneratedField::SeedItems),
                            "slots" => Ok(GeneratedField::Slots),
                            "deduplicate" => Ok(GeneratedField::Deduplicate),
                            "view" => Ok(GeneratedField::View),
                            "trafficClass" | "traffic_class" => Ok(GeneratedField::TrafficClass),
                            "validateOnly" | "validate_only" => Ok(GeneratedField::ValidateOnly),
                            _ => Err(serde::de::Error::unknown_field(value, FIELDS)),
                        }
                    }
                }
                deserializer.deserialize_identifier(GeneratedVisitor)
            }
        }
        struct GeneratedVisitor;
        impl<'de> serde::de::Visitor<'de> for GeneratedVisitor {
            type Value = BatchRecommendRequest;

            fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                formatter.write_str("struct larder.v1.BatchRecommendRequest")
            }

            fn visit_map<V>(self, mut map_: V) -> std::result::Result<BatchRecommendRequest, V::Error>
                where
                    V: serde::de::MapAccess<'de>,
            {
                let mut subject__ = None;
                let mut context__ = None;
                let mut session_events__ = None;
                let mut seed_items__ = None;
                let mut slots__ = None;
                let mut deduplicate__ = None;
                let mut view__ = None;
                let mut traffic_class__ = None;
                let mut validate_only__ = None;
                while let Some(k) = map_.next_key()? {
                    match k {
                        GeneratedField::Subject => {
                            if subject__.is_some() {
                                return Err(serde::de::Error::duplicate_field("subject"));
                            }
                            subject__ = map_.next_value()?;
                        }
                        GeneratedField::Context => {
                            if context__.is_some() {
                                return Err(serde::de::Error::duplicate_field("context"));
                            }
                            context__ = map_.next_value()?;
                        }
                        GeneratedField::SessionEvents => {
                            if session_events__.is_some() {
                                return Err(serde::de::Error::duplicate_field("sessionEvents"));
                            }
                            session_events__ = Some(map_.next_value()?);
                        }
                        GeneratedField::SeedItems => {
                            if seed_items__.is_some() {
                                return Err(serde::de::Error::duplicate_field("seedItems"));
                            }
                            seed_items__ = Some(map_.next_value()?);
                        }
                        GeneratedField::Slots => {
                            if slots__.is_some() {
                                return Err(serde::de::Error::duplicate_field("slots"));
                            }
                            slots__ = Some(map_.next_value()?);
                        }
                        GeneratedField::Deduplicate => {
                            if deduplicate__.is_some() {
                                return Err(serde::de::Error::duplicate_field("deduplicate"));
                            }
                            deduplicate__ = Some(map_.next_value()?);
                        }
                        GeneratedField::View => {
                            if view__.is_some() {
                                return Err(serde::de::Error::duplicate_field("view"));
                            }
                            view__ = Some(map_.next_value::<recommend_request::View>()? as i32);
                        }
                        GeneratedField::TrafficClass => {
                            if traffic_class__.is_some() {
                                return Err(serde::de::Error::duplicate_field("trafficClass"));
                            }
                            traffic_class__ = Some(map_.next_value::<recommend_request::TrafficClass>()? as i32);
                        }
                        GeneratedField::ValidateOnly => {
                            if validate_only__.is_some() {
                                return Err(serde::de::Error::duplicate_field("validateOnly"));
                            }
                            validate_only__ = Some(map_.next_value()?);
                        }
                    }
                }
                Ok(BatchRecommendRequest {
                    subject: subject__,
                    context: context__,
                    session_events: session_events__.unwrap_or_default(),
                    seed_items: seed_items__.unwrap_or_default(),
                    slots: slots__.unwrap_or_default(),
                    deduplicate: deduplicate__.unwrap_or_default(),
                    view: view__.unwrap_or_default(),
                    traffic_class: traffic_class__.unwrap_or_default(),
                    validate_only: validate_only__.unwrap_or_default(),
                })
            }
        }
        deserializer.deserialize_struct("larder.v1.BatchRecommendRequest", FIELDS, GeneratedVisitor)
    }
}
impl serde::Serialize for BatchRecommendResponse {
    #[allow(deprecated)]
    fn serialize<S>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error>
    where
        S: serde::Serializer,
    {
        use serde::ser::SerializeStruct;
        let mut len = 0;
        if true {
            len += 1;
        }
        let mut struct_ser = serializer.serialize_struct("larder.v1.BatchRecommendResponse", len)?;
        if true {
            struct_ser.serialize_field("slots", &self.slots)?;
        }
        struct_ser.end()
    }
}
impl<'de> serde::Deserialize<'de> for BatchRecommendResponse {
    #[allow(deprecated)]
    fn deserialize<D>(deserializer: D) -> std::result::Result<Self, D::Error>
    where
        D: serde::Deserializer<'de>,
    {
        const FIELDS: &[&str] = &[
            "slots",
        ];

        #[allow(clippy::enum_variant_names)]
        enum GeneratedField {
            Slots,
        }
        impl<'de> serde::Deserialize<'de> for GeneratedField {
            fn deserialize<D>(deserializer: D) -> std::result::Result<GeneratedField, D::Error>
            where
                D: serde::Deserializer<'de>,
            {
                struct GeneratedVisitor;

                impl serde::de::Visitor<'_> for GeneratedVisitor {
                    type Value = GeneratedField;

                    fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                        write!(formatter, "expected one of: {:?}", &FIELDS)
                    }

                    #[allow(unused_variables)]
                    fn visit_str<E>(self, value: &str) -> std::result::Result<GeneratedField, E>
                    where
                        E: serde::de::Error,
                    {
                        match value {
                            "slots" => Ok(GeneratedField::Slots),
                            _ => Err(serde::de::Error::unknown_field(value, FIELDS)),
                        }
                    }
                }
                deserializer.deserialize_identifier(GeneratedVisitor)
            }
        }
        struct GeneratedVisitor;
        impl<'de> serde::de::Visitor<'de> for GeneratedVisitor {
            type Value = BatchRecommendResponse;

            fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                formatter.write_str("struct larder.v1.BatchRecommendResponse")
            }

            fn visit_map<V>(self, mut map_: V) -> std::result::Result<BatchRecommendResponse, V::Error>
                where
                    V: serde::de::MapAccess<'de>,
            {
                let mut slots__ = None;
                while let Some(k) = map_.next_key()? {
                    match k {
                        GeneratedField::Slots => {
                            if slots__.is_some() {
                                return Err(serde::de::Error::duplicate_field("slots"));
                            }
                            slots__ = Some(map_.next_value()?);
                        }
                    }
                }
                Ok(BatchRecommendResponse {
                    slots: slots__.unwrap_or_default(),
                })
            }
        }
        deserializer.deserialize_struct("larder.v1.BatchRecommendResponse", FIELDS, GeneratedVisitor)
    }
}
impl serde::Serialize for BatchSlot {
    #[allow(deprecated)]
    fn serialize<S>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error>
    where
        S: serde::Serializer,
    {
        use serde::ser::SerializeStruct;
        let mut len = 0;
        if true {
            len += 1;
        }
        if true {
            len += 1;
        }
        if true {
            len += 1;
        }
        if true {
            len += 1;
        }
        if true {
            len += 1;
        }
        if true {
            len += 1;
        }
        if true {
            len += 1;
        }
        if true {
            len += 1;
        }
        if true {
            len += 1;
        }
        let mut struct_ser = serializer.serialize_struct("larder.v1.BatchSlot", len)?;
        if true {
            struct_ser.serialize_field("slotId", &self.slot_id)?;
        }
        if true {
            struct_ser.serialize_field("placement", &self.placement)?;
        }
        if let Some(v) = self.page_size.as_ref() {
            struct_ser.serialize_field("pageSize", v)?;
        }
        if true {
            struct_ser.serialize_field("seedItems", &self.seed_items)?;
        }
        if let Some(v) = self.filter.as_ref() {
            struct_ser.serialize_field("filter", v)?;
        }
        if true {
            struct_ser.serialize_field("filterParams", &self.filter_params)?;
        }
        if true {
            struct_ser.serialize_field("excludeItemIds", &self.exclude_item_ids)?;
        }
        if true {
            struct_ser.serialize_field("candidateItemIds", &self.candidate_item_ids)?;
        }
        if true {
            struct_ser.serialize_field("itemFields", &self.item_fields)?;
        }
        struct_ser.end()
    }
}
impl<'de> serde::Deserialize<'de> for BatchSlot {
    #[allow(deprecated)]
    fn deserialize<D>(deserializer: D) -> std::result::Result<Self, D::Error>
    where
        D: serde::Deserializer<'de>,
    {
        const FIELDS: &[&str] = &[
            "slot_id",
            "slotId",
            "placement",
            "page_size",
            "pageSize",
            "seed_items",
            "seedItems",
            "filter",
            "filter_params",
            "filterParams",
            "exclude_item_ids",
            "excludeItemIds",
            "candidate_item_ids",
            "candidateItemIds",
            "item_fields",
            "itemFields",
        ];

        #[allow(clippy::enum_variant_names)]
        enum GeneratedField {
            SlotId,
            Placement,
            PageSize,
            SeedItems,
            Filter,
            FilterParams,
            ExcludeItemIds,
            CandidateItemIds,
            ItemFields,
        }
        impl<'de> serde::Deserialize<'de> for GeneratedField {
            fn deserialize<D>(deserializer: D) -> std::result::Result<GeneratedField, D::Error>
            where
                D: serde::Deserializer<'de>,
            {
                struct GeneratedVisitor;

                impl serde::de::Visitor<'_> for GeneratedVisitor {
                    type Value = GeneratedField;

                    fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                        write!(formatter, "expected one of: {:?}", &FIELDS)
                    }

                    #[allow(unused_variables)]
                    fn visit_str<E>(self, value: &str) -> std::result::Result<GeneratedField, E>
                    where
                        E: serde::de::Error,
                    {
                        match value {
                            "slotId" | "slot_id" => Ok(GeneratedField::SlotId),
                            "placement" => Ok(GeneratedField::Placement),
                            "pageSize" | "page_size" => Ok(GeneratedField::PageSize),
                            "seedItems" | "seed_items" => Ok(GeneratedField::SeedItems),
                            "filter" => Ok(GeneratedField::Filter),
                            "filterParams" | "filter_params" => Ok(GeneratedField::FilterParams),
                            "excludeItemIds" | "exclude_item_ids" => Ok(GeneratedField::ExcludeItemIds),
                            "candidateItemIds" | "candidate_item_ids" => Ok(GeneratedField::CandidateItemIds),
                            "itemFields" | "item_fields" => Ok(GeneratedField::ItemFields),
                            _ => Err(serde::de::Error::unknown_field(value, FIELDS)),
                        }
                    }
                }
                deserializer.deserialize_identifier(GeneratedVisitor)
            }
        }
        struct GeneratedVisitor;
        impl<'de> serde::de::Visitor<'de> for GeneratedVisitor {
            type Value = BatchSlot;

            fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                formatter.write_str("struct larder.v1.BatchSlot")
            }

            fn visit_map<V>(self, mut map_: V) -> std::result::Result<BatchSlot, V::Error>
                where
                    V: serde::de::MapAccess<'de>,
            {
                let mut slot_id__ = None;
                let mut placement__ = None;
                let mut page_size__ = None;
                let mut seed_items__ = None;
                let mut filter__ = None;
                let mut filter_params__ = None;
                let mut exclude_item_ids__ = None;
                let mut candidate_item_ids__ = None;
                let mut item_fields__ = None;
                while let Some(k) = map_.next_key()? {
                    match k {
                        GeneratedField::SlotId => {
                            if slot_id__.is_some() {
                                return Err(serde::de::Error::duplicate_field("slotId"));
                            }
                            slot_id__ = Some(map_.next_value()?);
                        }
                        GeneratedField::Placement => {
                            if placement__.is_some() {
                                return Err(serde::de::Error::duplicate_field("placement"));
                            }
                            placement__ = Some(map_.next_value()?);
                        }
                        GeneratedField::PageSize => {
                            if page_size__.is_some() {
                                return Err(serde::de::Error::duplicate_field("pageSize"));
                            }
                            page_size__ = 
                                map_.next_value::<::std::option::Option<::pbjson::private::NumberDeserialize<_>>>()?.map(|x| x.0)
                            ;
                        }
                        GeneratedField::SeedItems => {
                            if seed_items__.is_some() {
                                return Err(serde::de::Error::duplicate_field("seedItems"));
                            }
                            seed_items__ = Some(map_.next_value()?);
                        }
                        GeneratedField::Filter => {
                            if filter__.is_some() {
                                return Err(serde::de::Error::duplicate_field("filter"));
                            }
                            filter__ = map_.next_value()?;
                        }
                        GeneratedField::FilterParams => {
                            if filter_params__.is_some() {
                                return Err(serde::de::Error::duplicate_field("filterParams"));
                            }
                            filter_params__ = Some(
                                map_.next_value::<std::collections::BTreeMap<_, _>>()?
                            );
                        }
                        GeneratedField::ExcludeItemIds => {
                            if exclude_item_ids__.is_some() {
                                return Err(serde::de::Error::duplicate_field("excludeItemIds"));
                            }
                            exclude_item_ids__ = Some(map_.next_value()?);
                        }
                        GeneratedField::CandidateItemIds => {
                            if candidate_item_ids__.is_some() {
                                return Err(serde::de::Error::duplicate_field("candidateItemIds"));
                            }
                            candidate_item_ids__ = Some(map_.next_value()?);
                        }
                        GeneratedField::ItemFields => {
                            if item_fields__.is_some() {
                                return Err(serde::de::Error::duplicate_field("itemFields"));
                            }
                            item_fields__ = Some(map_.next_value()?);
                        }
                    }
                }
                Ok(BatchSlot {
                    slot_id: slot_id__.unwrap_or_default(),
                    placement: placement__.unwrap_or_default(),
                    page_size: page_size__,
                    seed_items: seed_items__.unwrap_or_default(),
                    filter: filter__,
                    filter_params: filter_params__.unwrap_or_default(),
                    exclude_item_ids: exclude_item_ids__.unwrap_or_default(),
                    candidate_item_ids: candidate_item_ids__.unwrap_or_default(),
                    item_fields: item_fields__.unwrap_or_default(),
                })
            }
        }
        deserializer.deserialize_struct("larder.v1.BatchSlot", FIELDS, GeneratedVisitor)
    }
}
impl serde::Serialize for Cache {
    #[allow(deprecated)]
    fn serialize<S>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error>
    where
        S: serde::Serializer,
    {
        use serde::ser::SerializeStruct;
        let mut len = 0;
        if true {
            len += 1;
        }
        if true {
            len += 1;
        }
        if true {
            len += 1;
        }
        let mut struct_ser = serializer.serialize_struct("larder.v1.Cache", len)?;
        if true {
            let v = cache::Scope::try_from(self.scope)
                .map_err(|_| serde::ser::Error::custom(format!("Invalid variant {}", self.scope)))?;
            struct_ser.serialize_field("scope", &v)?;
        }
        if let Some(v) = self.key.as_ref() {
            struct_ser.serialize_field("key", v)?;
        }
        if let Some(v) = self.max_age.as_ref() {
            struct_ser.serialize_field("maxAge", v)?;
        }
        struct_ser.end()
    }
}
impl<'de> serde::Deserialize<'de> for Cache {
    #[allow(deprecated)]
    fn deserialize<D>(deserializer: D) -> std::result::Result<Self, D::Error>
    where
        D: serde::Deserializer<'de>,
    {
        const FIELDS: &[&str] = &[
            "scope",
            "key",
            "max_age",
            "maxAge",
        ];

        #[allow(clippy::enum_variant_names)]
        enum GeneratedField {
            Scope,
            Key,
            MaxAge,
        }
        impl<'de> serde::Deserialize<'de> for GeneratedField {
            fn deserialize<D>(deserializer: D) -> std::result::Result<GeneratedField, D::Error>
            where
                D: serde::Deserializer<'de>,
            {
                struct GeneratedVisitor;

                impl serde::de::Visitor<'_> for GeneratedVisitor {
                    type Value = GeneratedField;

                    fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                        write!(formatter, "expected one of: {:?}", &FIELDS)
                    }

                    #[allow(unused_variables)]
                    fn visit_str<E>(self, value: &str) -> std::result::Result<GeneratedField, E>
                    where
                        E: serde::de::Error,
                    {
                        match value {
                            "scope" => Ok(GeneratedField::Scope),
                            "key" => Ok(GeneratedField::Key),
                            "maxAge" | "max_age" => Ok(GeneratedField::MaxAge),
                            _ => Err(serde::de::Error::unknown_field(value, FIELDS)),
                        }
                    }
                }
                deserializer.deserialize_identifier(GeneratedVisitor)
            }
        }
        struct GeneratedVisitor;
        impl<'de> serde::de::Visitor<'de> for GeneratedVisitor {
            type Value = Cache;

            fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                formatter.write_str("struct larder.v1.Cache")
            }

            fn visit_map<V>(self, mut map_: V) -> std::result::Result<Cache, V::Error>
                where
                    V: serde::de::MapAccess<'de>,
            {
                let mut scope__ = None;
                let mut key__ = None;
                let mut max_age__ = None;
                while let Some(k) = map_.next_key()? {
                    match k {
                        GeneratedField::Scope => {
                            if scope__.is_some() {
                                return Err(serde::de::Error::duplicate_field("scope"));
                            }
                            scope__ = Some(map_.next_value::<cache::Scope>()? as i32);
                        }
                        GeneratedField::Key => {
                            if key__.is_some() {
                                return Err(serde::de::Error::duplicate_field("key"));
                            }
                            key__ = map_.next_value()?;
                        }
                        GeneratedField::MaxAge => {
                            if max_age__.is_some() {
                                return Err(serde::de::Error::duplicate_field("maxAge"));
                            }
                            max_age__ = map_.next_value()?;
                        }
                    }
                }
                Ok(Cache {
                    scope: scope__.unwrap_or_default(),
                    key: key__,
                    max_age: max_age__,
                })
            }
        }
        deserializer.deserialize_struct("larder.v1.Cache", FIELDS, GeneratedVisitor)
    }
}
impl serde::Serialize for cache::Scope {
    #[allow(deprecated)]
    fn serialize<S>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error>
    where
        S: serde::Serializer,
    {
        let variant = match self {
            Self::None => "NONE",
            Self::Public => "PUBLIC",
            Self::Private => "PRIVATE",
        };
        serializer.serialize_str(variant)
    }
}
impl<'de> serde::Deserialize<'de> for cache::Scope {
    #[allow(deprecated)]
    fn deserialize<D>(deserializer: D) -> std::result::Result<Self, D::Error>
    where
        D: serde::Deserializer<'de>,
    {
        const FIELDS: &[&str] = &[
            "NONE",
            "PUBLIC",
            "PRIVATE",
        ];

        struct GeneratedVisitor;

        impl serde::de::Visitor<'_> for GeneratedVisitor {
            type Value = cache::Scope;

            fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                write!(formatter, "expected one of: {:?}", &FIELDS)
            }

            fn visit_i64<E>(self, v: i64) -> std::result::Result<Self::Value, E>
            where
                E: serde::de::Error,
            {
                i32::try_from(v)
                    .ok()
                    .and_then(|x| x.try_into().ok())
                    .ok_or_else(|| {
                        serde::de::Error::invalid_value(serde::de::Unexpected::Signed(v), &self)
                    })
            }

            fn visit_u64<E>(self, v: u64) -> std::result::Result<Self::Value, E>
            where
                E: serde::de::Error,
            {
                i32::try_from(v)
                    .ok()
                    .and_then(|x| x.try_into().ok())
                    .ok_or_else(|| {
                        serde::de::Error::invalid_value(serde::de::Unexpected::Unsigned(v), &self)
                    })
            }

            fn visit_str<E>(self, value: &str) -> std::result::Result<Self::Value, E>
            where
                E: serde::de::Error,
            {
                match value {
                    "NONE" => Ok(cache::Scope::None),
                    "PUBLIC" => Ok(cache::Scope::Public),
                    "PRIVATE" => Ok(cache::Scope::Private),
                    _ => Err(serde::de::Error::unknown_variant(value, FIELDS)),
                }
            }
        }
        deserializer.deserialize_any(GeneratedVisitor)
    }
}
impl serde::Serialize for Context {
    #[allow(deprecated)]
    fn serialize<S>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error>
    where
        S: serde::Serializer,
    {
        use serde::ser::SerializeStruct;
        let mut len = 0;
        if true {
            len += 1;
        }
        if true {
            len += 1;
        }
        if true {
            len += 1;
        }
        if true {
            len += 1;
        }
        let mut struct_ser = serializer.serialize_struct("larder.v1.Context", len)?;
        if let Some(v) = self.locale.as_ref() {
            struct_ser.serialize_field("locale", v)?;
        }
        if let Some(v) = self.country.as_ref() {
            struct_ser.serialize_field("country", v)?;
        }
        if let Some(v) = self.channel.as_ref() {
            struct_ser.serialize_field("channel", v)?;
        }
        if true {
            struct_ser.serialize_field("attributes", &self.attributes)?;
        }
        struct_ser.end()
    }
}
impl<'de> serde::Deserialize<'de> for Context {
    #[allow(deprecated)]
    fn deserialize<D>(deserializer: D) -> std::result::Result<Self, D::Error>
    where
        D: serde::Deserializer<'de>,
    {
        const FIELDS: &[&str] = &[
            "locale",
            "country",
            "channel",
            "attributes",
        ];

        #[allow(clippy::enum_variant_names)]
        enum GeneratedField {
            Locale,
            Country,
            Channel,
            Attributes,
        }
        impl<'de> serde::Deserialize<'de> for GeneratedField {
            fn deserialize<D>(deserializer: D) -> std::result::Result<GeneratedField, D::Error>
            where
                D: serde::Deserializer<'de>,
            {
                struct GeneratedVisitor;

                impl serde::de::Visitor<'_> for GeneratedVisitor {
                    type Value = GeneratedField;

                    fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                        write!(formatter, "expected one of: {:?}", &FIELDS)
                    }

                    #[allow(unused_variables)]
                    fn visit_str<E>(self, value: &str) -> std::result::Result<GeneratedField, E>
                    where
                        E: serde::de::Error,
                    {
                        match value {
                            "locale" => Ok(GeneratedField::Locale),
                            "country" => Ok(GeneratedField::Country),
                            "channel" => Ok(GeneratedField::Channel),
                            "attributes" => Ok(GeneratedField::Attributes),
                            _ => Err(serde::de::Error::unknown_field(value, FIELDS)),
                        }
                    }
                }
                deserializer.deserialize_identifier(GeneratedVisitor)
            }
        }
        struct GeneratedVisitor;
        impl<'de> serde::de::Visitor<'de> for GeneratedVisitor {
            type Value = Context;

            fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                formatter.write_str("struct larder.v1.Context")
            }

            fn visit_map<V>(self, mut map_: V) -> std::result::Result<Context, V::Error>
                where
                    V: serde::de::MapAccess<'de>,
            {
                let mut locale__ = None;
                let mut country__ = None;
                let mut channel__ = None;
                let mut attributes__ = None;
                while let Some(k) = map_.next_key()? {
                    match k {
                        GeneratedField::Locale => {
                            if locale__.is_some() {
                                return Err(serde::de::Error::duplicate_field("locale"));
                            }
                            locale__ = map_.next_value()?;
                        }
                        GeneratedField::Country => {
                            if country__.is_some() {
                                return Err(serde::de::Error::duplicate_field("country"));
                            }
                            country__ = map_.next_value()?;
                        }
                        GeneratedField::Channel => {
                            if channel__.is_some() {
                                return Err(serde::de::Error::duplicate_field("channel"));
                            }
                            channel__ = map_.next_value()?;
                        }
                        GeneratedField::Attributes => {
                            if attributes__.is_some() {
                                return Err(serde::de::Error::duplicate_field("attributes"));
                            }
                            attributes__ = Some(
                                map_.next_value::<std::collections::BTreeMap<_, _>>()?
                            );
                        }
                    }
                }
                Ok(Context {
                    locale: locale__,
                    country: country__,
                    channel: channel__,
                    attributes: attributes__.unwrap_or_default(),
                })
            }
        }
        deserializer.deserialize_struct("larder.v1.Context", FIELDS, GeneratedVisitor)
    }
}
impl serde::Serialize for Degradation {
    #[allow(deprecated)]
    fn serialize<S>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error>
    where
        S: serde::Serializer,
    {
        use serde::ser::SerializeStruct;
        let mut len = 0;
        if true {
            len += 1;
        }
        if true {
            len += 1;
        }
        if true {
            len += 1;
        }
        let mut struct_ser = serializer.serialize_struct("larder.v1.Degradation", len)?;
        if true {
            let v = degradation::Level::try_from(self.level)
                .map_err(|_| serde::ser::Error::custom(format!("Invalid variant {}", self.level)))?;
            struct_ser.serialize_field("level", &v)?;
        }
        if true {
            struct_ser.serialize_field("causes", &self.causes)?;
        }
        if true {
            struct_ser.serialize_field("skippedStages", &self.skipped_stages)?;
        }
        struct_ser.end()
    }
}
impl<'de> serde::Deserialize<'de> for Degradation {
    #[allow(deprecated)]
    fn deserialize<D>(deserializer: D) -> std::result::Result<Self, D::Error>
    where
        D: serde::Deserializer<'de>,
    {
        const FIELDS: &[&str] = &[
            "level",
            "causes",
            "skipped_stages",
            "skippedStages",
        ];

        #[allow(clippy::enum_variant_names)]
        enum GeneratedField {
            Level,
            Causes,
            SkippedStages,
        }
        impl<'de> serde::Deserialize<'de> for GeneratedField {
            fn deserialize<D>(deserializer: D) -> std::result::Result<GeneratedField, D::Error>
            where
                D: serde::Deserializer<'de>,
            {
                struct GeneratedVisitor;

                impl serde::de::Visitor<'_> for GeneratedVisitor {
                    type Value = GeneratedField;

                    fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                        write!(formatter, "expected one of: {:?}", &FIELDS)
                    }

                    #[allow(unused_variables)]
                    fn visit_str<E>(self, value: &str) -> std::result::Result<GeneratedField, E>
                    where
                        E: serde::de::Error,
                    {
                        match value {
                            "level" => Ok(GeneratedField::Level),
                            "causes" => Ok(GeneratedField::Causes),
                            "skippedStages" | "skipped_stages" => Ok(GeneratedField::SkippedStages),
                            _ => Err(serde::de::Error::unknown_field(value, FIELDS)),
                        }
                    }
                }
                deserializer.deserialize_identifier(GeneratedVisitor)
            }
        }
        struct GeneratedVisitor;
        impl<'de> serde::de::Visitor<'de> for GeneratedVisitor {
            type Value = Degradation;

            fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                formatter.write_str("struct larder.v1.Degradation")
            }

            fn visit_map<V>(self, mut map_: V) -> std::result::Result<Degradation, V::Error>
                where
                    V: serde::de::MapAccess<'de>,
            {
                let mut level__ = None;
                let mut causes__ = None;
                let mut skipped_stages__ = None;
                while let Some(k) = map_.next_key()? {
                    match k {
                        GeneratedField::Level => {
                            if level__.is_some() {
                                return Err(serde::de::Error::duplicate_field("level"));
                            }
                            level__ = Some(map_.next_value::<degradation::Level>()? as i32);
                        }
                        GeneratedField::Causes => {
                            if causes__.is_some() {
                                return Err(serde::de::Error::duplicate_field("causes"));
                            }
                            causes__ = Some(map_.next_value()?);
                        }
                        GeneratedField::SkippedStages => {
                            if skipped_stages__.is_some() {
                                return Err(serde::de::Error::duplicate_field("skippedStages"));
                            }
                            skipped_stages__ = Some(map_.next_value()?);
                        }
                    }
                }
                Ok(Degradation {
                    level: level__.unwrap_or_default(),
                    causes: causes__.unwrap_or_default(),
                    skipped_stages: skipped_stages__.unwrap_or_default(),
                })
            }
        }
        deserializer.deserialize_struct("larder.v1.Degradation", FIELDS, GeneratedVisitor)
    }
}
impl serde::Serialize for degradation::Level {
    #[allow(deprecated)]
    fn serialize<S>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error>
    where
        S: serde::Serializer,
    {
        let variant = match self {
            Self::None => "NONE",
            Self::Backfilled => "BACKFILLED",
            Self::Partial => "PARTIAL",
            Self::Fallback => "FALLBACK",
            Self::Empty => "EMPTY",
        };
        serializer.serialize_str(variant)
    }
}
impl<'de> serde::Deserialize<'de> for degradation::Level {
    #[allow(deprecated)]
    fn deserialize<D>(deserializer: D) -> std::result::Result<Self, D::Error>
    where
        D: serde::Deserializer<'de>,
    {
        const FIELDS: &[&str] = &[
            "NONE",
            "BACKFILLED",
            "PARTIAL",
            "FALLBACK",
            "EMPTY",
        ];

        struct GeneratedVisitor;

        impl serde::de::Visitor<'_> for GeneratedVisitor {
            type Value = degradation::Level;

            fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                write!(formatter, "expected one of: {:?}", &FIELDS)
            }

            fn visit_i64<E>(self, v: i64) -> std::result::Result<Self::Value, E>
            where
                E: serde::de::Error,
            {
                i32::try_from(v)
                    .ok()
                    .and_then(|x| x.try_into().ok())
                    .ok_or_else(|| {
                        serde::de::Error::invalid_value(serde::de::Unexpected::Signed(v), &self)
                    })
            }

            fn visit_u64<E>(self, v: u64) -> std::result::Result<Self::Value, E>
            where
                E: serde::de::Error,
            {
                i32::try_from(v)
                    .ok()
                    .and_then(|x| x.try_into().ok())
                    .ok_or_else(|| {
                        serde::de::Error::invalid_value(serde::de::Unexpected::Unsigned(v), &self)
                    })
            }

            fn visit_str<E>(self, value: &str) -> std::result::Result<Self::Value, E>
            where
                E: serde::de::Error,
            {
                match value {
                    "NONE" => Ok(degradation::Level::None),
                    "BACKFILLED" => Ok(degradation::Level::Backfilled),
                    "PARTIAL" => Ok(degradation::Level::Partial),
                    "FALLBACK" => Ok(degradation::Level::Fallback),
                    "EMPTY" => Ok(degradation::Level::Empty),
                    _ => Err(serde::de::Error::unknown_variant(value, FIELDS)),
                }
            }
        }
        deserializer.deserialize_any(GeneratedVisitor)
    }
}
impl serde::Serialize for Event {
    #[allow(deprecated)]
    fn serialize<S>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error>
    where
        S: serde::Serializer,
    {
        use serde::ser::SerializeStruct;
        let mut len = 0;
        if true {
            len += 1;
        }
        if true {
            len += 1;
        }
        if true {
            len += 1;
        }
        if true {
            len += 1;
        }
        if true {
            len += 1;
        }
        if true {
            len += 1;
        }
        if true {
            len += 1;
        }
        if true {
            len += 1;
        }
        if true {
            len += 1;
        }
        if true {
            len += 1;
        }
        if true {
            len += 1;
        }
        if true {
            len += 1;
        }
        if true {
            len += 1;
        }
        if true {
            len += 1;
        }
        if true {
            len += 1;
        }
        let mut struct_ser = serializer.serialize_struct("larder.v1.Event", len)?;
        if true {
            struct_ser.serialize_field("id", &self.id)?;
        }
        if true {
            struct_ser.serialize_field("type", &self.r#type)?;
        }
        if let Some(v) = self.time.as_ref() {
            struct_ser.serialize_field("time", v)?;
        }
        if true {
            struct_ser.serialize_field("itemId", &self.item_id)?;
        }
        if true {
            struct_ser.serialize_field("userId", &self.user_id)?;
        }
        if true {
            struct_ser.serialize_field("visitorId", &self.visitor_id)?;
        }
        if true {
            struct_ser.serialize_field("sessionId", &self.session_id)?;
        }
        if true {
            struct_ser.serialize_field("recommendationId", &self.recommendation_id)?;
        }
        if true {
            struct_ser.serialize_field("attributionToken", &self.attribution_token)?;
        }
        if let Some(v) = self.value.as_ref() {
            struct_ser.serialize_field("value", v)?;
        }
        if let Some(v) = self.quantity.as_ref() {
            struct_ser.serialize_field("quantity", v)?;
        }
        if true {
            let v = subject::Consent::try_from(self.consent)
                .map_err(|_| serde::ser::Error::custom(format!("Invalid variant {}", self.consent)))?;
            struct_ser.serialize_field("consent", &v)?;
        }
        if let Some(v) = self.set.as_ref() {
            struct_ser.serialize_field("set", v)?;
        }
        if true {
            struct_ser.serialize_field("unset", &self.unset)?;
        }
        if true {
            struct_ser.serialize_field("upsert", &self.upsert)?;
        }
        struct_ser.end()
    }
}
impl<'de> serde::Deserialize<'de> for Event {
    #[allow(deprecated)]
    fn deserialize<D>(deserializer: D) -> std::result::Result<Self, D::Error>
    where
        D: serde::Deserializer<'de>,
    {
        const FIELDS: &[&str] = &[
            "id",
            "type",
            "time",
            "item_id",
            "itemId",
            "user_id",
            "userId",
            "visitor_id",
            "visitorId",
            "session_id",
            "sessionId",
            "recommendation_id",
            "recommendationId",
            "attribution_token",
            "attributionToken",
            "value",
            "quantity",
            "consent",
            "set",
            "unset",
            "upsert",
        ];

        #[allow(clippy::enum_variant_names)]
        enum GeneratedField {
            Id,
            Type,
            Time,
            ItemId,
            UserId,
            VisitorId,
            SessionId,
            RecommendationId,
            AttributionToken,
            Value,
            Quantity,
            Consent,
            Set,
            Unset,
            Upsert,
        }
        impl<'de> serde::Deserialize<'de> for GeneratedField {
            fn deserialize<D>(deserializer: D) -> std::result::Result<GeneratedField, D::Error>
            where
                D: serde::Deserializer<'de>,
            {
                struct GeneratedVisitor;

                impl serde::de::Visitor<'_> for GeneratedVisitor {
                    type Value = GeneratedField;

                    fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                        write!(formatter, "expected one of: {:?}", &FIELDS)
                    }

                    #[allow(unused_variables)]
                    fn visit_str<E>(self, value: &str) -> std::result::Result<GeneratedField, E>
                    where
                        E: serde::de::Error,
                    {
                        match value {
                            "id" => Ok(GeneratedField::Id),
                            "type" => Ok(GeneratedField::Type),
                            "time" => Ok(GeneratedField::Time),
                            "itemId" | "item_id" => Ok(GeneratedField::ItemId),
                            "userId" | "user_id" => Ok(GeneratedField::UserId),
                            "visitorId" | "visitor_id" => Ok(GeneratedField::VisitorId),
                            "sessionId" | "session_id" => Ok(GeneratedField::SessionId),
                            "recommendationId" | "recommendation_id" => Ok(GeneratedField::RecommendationId),
                            "attributionToken" | "attribution_token" => Ok(GeneratedField::AttributionToken),
                            "value" => Ok(GeneratedField::Value),
                            "quantity" => Ok(GeneratedField::Quantity),
                            "consent" => Ok(GeneratedField::Consent),
                            "set" => Ok(GeneratedField::Set),
                            "unset" => Ok(GeneratedField::Unset),
                            "upsert" => Ok(GeneratedField::Upsert),
                            _ => Err(serde::de::Error::unknown_field(value, FIELDS)),
                        }
                    }
                }
                deserializer.deserialize_identifier(GeneratedVisitor)
            }
        }
        struct GeneratedVisitor;
        impl<'de> serde::de::Visitor<'de> for GeneratedVisitor {
            type Value = Event;

            fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                formatter.write_str("struct larder.v1.Event")
            }

            fn visit_map<V>(self, mut map_: V) -> std::result::Result<Event, V::Error>
                where
                    V: serde::de::MapAccess<'de>,
            {
                let mut id__ = None;
                let mut r#type__ = None;
                let mut time__ = None;
                let mut item_id__ = None;
                let mut user_id__ = None;
                let mut visitor_id__ = None;
                let mut session_id__ = None;
                let mut recommendation_id__ = None;
                let mut attribution_token__ = None;
                let mut value__ = None;
                let mut quantity__ = None;
                let mut consent__ = None;
                let mut set__ = None;
                let mut unset__ = None;
                let mut upsert__ = None;
                while let Some(k) = map_.next_key()? {
                    match k {
                        GeneratedField::Id => {
                            if id__.is_some() {
                                return Err(serde::de::Error::duplicate_field("id"));
                            }
                            id__ = Some(map_.next_value()?);
                        }
                        GeneratedField::Type => {
                            if r#type__.is_some() {
                                return Err(serde::de::Error::duplicate_field("type"));
                            }
                            r#type__ = Some(map_.next_value()?);
                        }
                        GeneratedField::Time => {
                            if time__.is_some() {
                                return Err(serde::de::Error::duplicate_field("time"));
                            }
                            time__ = map_.next_value()?;
                        }
                        GeneratedField::ItemId => {
                            if item_id__.is_some() {
                                return Err(serde::de::Error::duplicate_field("itemId"));
                            }
                            item_id__ = Some(map_.next_value()?);
                        }
                        GeneratedField::UserId => {
                            if user_id__.is_some() {
                                return Err(serde::de::Error::duplicate_field("userId"));
                            }
                            user_id__ = Some(map_.next_value()?);
                        }
                        GeneratedField::VisitorId => {
                            if visitor_id__.is_some() {
                                return Err(serde::de::Error::duplicate_field("visitorId"));
                            }
                            visitor_id__ = Some(map_.next_value()?);
                        }
                        GeneratedField::SessionId => {
                            if session_id__.is_some() {
                                return Err(serde::de::Error::duplicate_field("sessionId"));
                            }
                            session_id__ = Some(map_.next_value()?);
                        }
                        GeneratedField::RecommendationId => {
                            if recommendation_id__.is_some() {
                                return Err(serde::de::Error::duplicate_field("recommendationId"));
                            }
                            recommendation_id__ = Some(map_.next_value()?);
                        }
                        GeneratedField::AttributionToken => {
                            if attribution_token__.is_some() {
                                return Err(serde::de::Error::duplicate_field("attributionToken"));
                            }
                            attribution_token__ = Some(map_.next_value()?);
                        }
                        GeneratedField::Value => {
                            if value__.is_some() {
                                return Err(serde::de::Error::duplicate_field("value"));
                            }
                            value__ = 
                                map_.next_value::<::std::option::Option<::pbjson::private::NumberDeserialize<_>>>()?.map(|x| x.0)
                            ;
                        }
                        GeneratedField::Quantity => {
                            if quantity__.is_some() {
                                return Err(serde::de::Error::duplicate_field("quantity"));
                            }
                            quantity__ = 
                                map_.next_value::<::std::option::Option<::pbjson::private::NumberDeserialize<_>>>()?.map(|x| x.0)
                            ;
                        }
                        GeneratedField::Consent => {
                            if consent__.is_some() {
                                return Err(serde::de::Error::duplicate_field("consent"));
                            }
                            consent__ = Some(map_.next_value::<subject::Consent>()? as i32);
                        }
                        GeneratedField::Set => {
                            if set__.is_some() {
                                return Err(serde::de::Error::duplicate_field("set"));
                            }
                            set__ = map_.next_value()?;
                        }
                        GeneratedField::Unset => {
                            if unset__.is_some() {
                                return Err(serde::de::Error::duplicate_field("unset"));
                            }
                            unset__ = Some(map_.next_value()?);
                        }
                        GeneratedField::Upsert => {
                            if upsert__.is_some() {
                                return Err(serde::de::Error::duplicate_field("upsert"));
                            }
                            upsert__ = Some(map_.next_value()?);
                        }
                    }
                }
                Ok(Event {
                    id: id__.unwrap_or_default(),
                    r#type: r#type__.unwrap_or_default(),
                    time: time__,
                    item_id: item_id__.unwrap_or_default(),
                    user_id: user_id__.unwrap_or_default(),
                    visitor_id: visitor_id__.unwrap_or_default(),
                    session_id: session_id__.unwrap_or_default(),
                    recommendation_id: recommendation_id__.unwrap_or_default(),
                    attribution_token: attribution_token__.unwrap_or_default(),
                    value: value__,
                    quantity: quantity__,
                    consent: consent__.unwrap_or_default(),
                    set: set__,
                    unset: unset__.unwrap_or_default(),
                    upsert: upsert__.unwrap_or_default(),
                })
            }
        }
        deserializer.deserialize_struct("larder.v1.Event", FIELDS, GeneratedVisitor)
    }
}
impl serde::Serialize for EventResult {
    #[allow(deprecated)]
    fn serialize<S>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error>
    where
        S: serde::Serializer,
    {
        use serde::ser::SerializeStruct;
        let mut len = 0;
        if true {
            len += 1;
        }
        if true {
            len += 1;
        }
        if true {
            len += 1;
        }
        if true {
            len += 1;
        }
        let mut struct_ser = serializer.serialize_struct("larder.v1.EventResult", len)?;
        if true {
            let v = event_result::Outcome::try_from(self.outcome)
                .map_err(|_| serde::ser::Error::custom(format!("Invalid variant {}", self.outcome)))?;
            struct_ser.serialize_field("outcome", &v)?;
        }
        if true {
            struct_ser.serialize_field("reason", &self.reason)?;
        }
        if true {
            struct_ser.serialize_field("field", &self.field)?;
        }
        if true {
            struct_ser.serialize_field("message", &self.message)?;
        }
        struct_ser.end()
    }
}
impl<'de> serde::Deserialize<'de> for EventResult {
    #[allow(deprecated)]
    fn deserialize<D>(deserializer: D) -> std::result::Result<Self, D::Error>
    where
        D: serde::Deserializer<'de>,
    {
        const FIELDS: &[&str] = &[
            "outcome",
            "reason",
            "field",
            "message",
        ];

        #[allow(clippy::enum_variant_names)]
        enum GeneratedField {
            Outcome,
            Reason,
            Field,
            Message,
        }
        impl<'de> serde::Deserialize<'de> for GeneratedField {
            fn deserialize<D>(deserializer: D) -> std::result::Result<GeneratedField, D::Error>
            where
                D: serde::Deserializer<'de>,
            {
                struct GeneratedVisitor;

                impl serde::de::Visitor<'_> for GeneratedVisitor {
                    type Value = GeneratedField;

                    fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                        write!(formatter, "expected one of: {:?}", &FIELDS)
                    }

                    #[allow(unused_variables)]
                    fn visit_str<E>(self, value: &str) -> std::result::Result<GeneratedField, E>
                    where
                        E: serde::de::Error,
                    {
                        match value {
                            "outcome" => Ok(GeneratedField::Outcome),
                            "reason" => Ok(GeneratedField::Reason),
                            "field" => Ok(GeneratedField::Field),
                            "message" => Ok(GeneratedField::Message),
                            _ => Err(serde::de::Error::unknown_field(value, FIELDS)),
                        }
                    }
                }
                deserializer.deserialize_identifier(GeneratedVisitor)
            }
        }
        struct GeneratedVisitor;
        impl<'de> serde::de::Visitor<'de> for GeneratedVisitor {
            type Value = EventResult;

            fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                formatter.write_str("struct larder.v1.EventResult")
            }

            fn visit_map<V>(self, mut map_: V) -> std::result::Result<EventResult, V::Error>
                where
                    V: serde::de::MapAccess<'de>,
            {
                let mut outcome__ = None;
                let mut reason__ = None;
                let mut field__ = None;
                let mut message__ = None;
                while let Some(k) = map_.next_key()? {
                    match k {
                        GeneratedField::Outcome => {
                            if outcome__.is_some() {
                                return Err(serde::de::Error::duplicate_field("outcome"));
                            }
                            outcome__ = Some(map_.next_value::<event_result::Outcome>()? as i32);
                        }
                        GeneratedField::Reason => {
                            if reason__.is_some() {
                                return Err(serde::de::Error::duplicate_field("reason"));
                            }
                            reason__ = Some(map_.next_value()?);
                        }
                        GeneratedField::Field => {
                            if field__.is_some() {
                                return Err(serde::de::Error::duplicate_field("field"));
                            }
                            field__ = Some(map_.next_value()?);
                        }
                        GeneratedField::Message => {
                            if message__.is_some() {
                                return Err(serde::de::Error::duplicate_field("message"));
                            }
                            message__ = Some(map_.next_value()?);
                        }
                    }
                }
                Ok(EventResult {
                    outcome: outcome__.unwrap_or_default(),
                    reason: reason__.unwrap_or_default(),
                    field: field__.unwrap_or_default(),
                    message: message__.unwrap_or_default(),
                })
            }
        }
        deserializer.deserialize_struct("larder.v1.EventResult", FIELDS, GeneratedVisitor)
    }
}
impl serde::Serialize for event_result::Outcome {
    #[allow(deprecated)]
    fn serialize<S>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error>
    where
        S: serde::Serializer,
    {
        let variant = match self {
            Self::Unspecified => "OUTCOME_UNSPECIFIED",
            Self::Accepted => "ACCEPTED",
            Self::Duplicate => "DUPLICATE",
            Self::Rejected => "REJECTED",
        };
        serializer.serialize_str(variant)
    }
}
impl<'de> serde::Deserialize<'de> for event_result::Outcome {
    #[allow(deprecated)]
    fn deserialize<D>(deserializer: D) -> std::result::Result<Self, D::Error>
    where
        D: serde::Deserializer<'de>,
    {
        const FIELDS: &[&str] = &[
            "OUTCOME_UNSPECIFIED",
            "ACCEPTED",
            "DUPLICATE",
            "REJECTED",
        ];

        struct GeneratedVisitor;

        impl serde::de::Visitor<'_> for GeneratedVisitor {
            type Value = event_result::Outcome;

            fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                write!(formatter, "expected one of: {:?}", &FIELDS)
            }

            fn visit_i64<E>(self, v: i64) -> std::result::Result<Self::Value, E>
            where
                E: serde::de::Error,
            {
                i32::try_from(v)
                    .ok()
                    .and_then(|x| x.try_into().ok())
                    .ok_or_else(|| {
                        serde::de::Error::invalid_value(serde::de::Unexpected::Signed(v), &self)
                    })
            }

            fn visit_u64<E>(self, v: u64) -> std::result::Result<Self::Value, E>
            where
                E: serde::de::Error,
            {
                i32::try_from(v)
                    .ok()
                    .and_then(|x| x.try_into().ok())
                    .ok_or_else(|| {
                        serde::de::Error::invalid_value(serde::de::Unexpected::Unsigned(v), &self)
                    })
            }

            fn visit_str<E>(self, value: &str) -> std::result::Result<Self::Value, E>
            where
                E: serde::de::Error,
            {
                match value {
                    "OUTCOME_UNSPECIFIED" => Ok(event_result::Outcome::Unspecified),
                    "ACCEPTED" => Ok(event_result::Outcome::Accepted),
                    "DUPLICATE" => Ok(event_result::Outcome::Duplicate),
                    "REJECTED" => Ok(event_result::Outcome::Rejected),
                    _ => Err(serde::de::Error::unknown_variant(value, FIELDS)),
                }
            }
        }
        deserializer.deserialize_any(GeneratedVisitor)
    }
}
impl serde::Serialize for ForgetUserRequest {
    #[allow(deprecated)]
    fn serialize<S>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error>
    where
        S: serde::Serializer,
    {
        use serde::ser::SerializeStruct;
        let mut len = 0;
        if true {
            len += 1;
        }
        if true {
            len += 1;
        }
        let mut struct_ser = serializer.serialize_struct("larder.v1.ForgetUserRequest", len)?;
        if true {
            struct_ser.serialize_field("userId", &self.user_id)?;
        }
        if true {
            struct_ser.serialize_field("visitorId", &self.visitor_id)?;
        }
        struct_ser.end()
    }
}
impl<'de> serde::Deserialize<'de> for ForgetUserRequest {
    #[allow(deprecated)]
    fn deserialize<D>(deserializer: D) -> std::result::Result<Self, D::Error>
    where
        D: serde::Deserializer<'de>,
    {
        const FIELDS: &[&str] = &[
            "user_id",
            "userId",
            "visitor_id",
            "visitorId",
        ];

        #[allow(clippy::enum_variant_names)]
        enum GeneratedField {
            UserId,
            VisitorId,
        }
        impl<'de> serde::Deserialize<'de> for GeneratedField {
            fn deserialize<D>(deserializer: D) -> std::result::Result<GeneratedField, D::Error>
            where
                D: serde::Deserializer<'de>,
            {
                struct GeneratedVisitor;

                impl serde::de::Visitor<'_> for GeneratedVisitor {
                    type Value = GeneratedField;

                    fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                        write!(formatter, "expected one of: {:?}", &FIELDS)
                    }

                    #[allow(unused_variables)]
                    fn visit_str<E>(self, value: &str) -> std::result::Result<GeneratedField, E>
                    where
                        E: serde::de::Error,
                    {
                        match value {
                            "userId" | "user_id" => Ok(GeneratedField::UserId),
                            "visitorId" | "visitor_id" => Ok(GeneratedField::VisitorId),
                            _ => Err(serde::de::Error::unknown_field(value, FIELDS)),
                        }
                    }
                }
                deserializer.deserialize_identifier(GeneratedVisitor)
            }
        }
        struct GeneratedVisitor;
        impl<'de> serde::de::Visitor<'de> for GeneratedVisitor {
            type Value = ForgetUserRequest;

            fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                formatter.write_str("struct larder.v1.ForgetUserRequest")
            }

            fn visit_map<V>(self, mut map_: V) -> std::result::Result<ForgetUserRequest, V::Error>
                where
                    V: serde::de::MapAccess<'de>,
            {
                let mut user_id__ = None;
                let mut visitor_id__ = None;
                while let Some(k) = map_.next_key()? {
                    match k {
                        GeneratedField::UserId => {
                            if user_id__.is_some() {
                                return Err(serde::de::Error::duplicate_field("userId"));
                            }
                            user_id__ = Some(map_.next_value()?);
                        }
                        GeneratedField::VisitorId => {
                            if visitor_id__.is_some() {
                                return Err(serde::de::Error::duplicate_field("visitorId"));
                            }
                            visitor_id__ = Some(map_.next_value()?);
                        }
                    }
                }
                Ok(ForgetUserRequest {
                    user_id: user_id__.unwrap_or_default(),
                    visitor_id: visitor_id__.unwrap_or_default(),
                })
            }
        }
        deserializer.deserialize_struct("larder.v1.ForgetUserRequest", FIELDS, GeneratedVisitor)
    }
}
impl serde::Serialize for ForgetUserResponse {
    #[allow(deprecated)]
    fn serialize<S>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error>
    where
        S: serde::Serializer,
    {
        use serde::ser::SerializeStruct;
        let mut len = 0;
        if true {
            len += 1;
        }
        if true {
            len += 1;
        }
        let mut struct_ser = serializer.serialize_struct("larder.v1.ForgetUserResponse", len)?;
        if true {
            struct_ser.serialize_field("receipt", &self.receipt)?;
        }
        if let Some(v) = self.forgotten_until.as_ref() {
            struct_ser.serialize_field("forgottenUntil", v)?;
        }
        struct_ser.end()
    }
}
impl<'de> serde::Deserialize<'de> for ForgetUserResponse {
    #[allow(deprecated)]
    fn deserialize<D>(deserializer: D) -> std::result::Result<Self, D::Error>
    where
        D: serde::Deserializer<'de>,
    {
        const FIELDS: &[&str] = &[
            "receipt",
            "forgotten_until",
            "forgottenUntil",
        ];

        #[allow(clippy::enum_variant_names)]
        enum GeneratedField {
            Receipt,
            ForgottenUntil,
        }
        impl<'de> serde::Deserialize<'de> for GeneratedField {
            fn deserialize<D>(deserializer: D) -> std::result::Result<GeneratedField, D::Error>
            where
                D: serde::Deserializer<'de>,
            {
                struct GeneratedVisitor;

                impl serde::de::Visitor<'_> for GeneratedVisitor {
                    type Value = GeneratedField;

                    fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                        write!(formatter, "expected one of: {:?}", &FIELDS)
                    }

                    #[allow(unused_variables)]
                    fn visit_str<E>(self, value: &str) -> std::result::Result<GeneratedField, E>
                    where
                        E: serde::de::Error,
                    {
                        match value {
                            "receipt" => Ok(GeneratedField::Receipt),
                            "forgottenUntil" | "forgotten_until" => Ok(GeneratedField::ForgottenUntil),
                            _ => Err(serde::de::Error::unknown_field(value, FIELDS)),
                        }
                    }
                }
                deserializer.deserialize_identifier(GeneratedVisitor)
            }
        }
        struct GeneratedVisitor;
        impl<'de> serde::de::Visitor<'de> for GeneratedVisitor {
            type Value = ForgetUserResponse;

            fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                formatter.write_str("struct larder.v1.ForgetUserResponse")
            }

            fn visit_map<V>(self, mut map_: V) -> std::result::Result<ForgetUserResponse, V::Error>
                where
                    V: serde::de::MapAccess<'de>,
            {
                let mut receipt__ = None;
                let mut forgotten_until__ = None;
                while let Some(k) = map_.next_key()? {
                    match k {
                        GeneratedField::Receipt => {
                            if receipt__.is_some() {
                                return Err(serde::de::Error::duplicate_field("receipt"));
                            }
                            receipt__ = Some(map_.next_value()?);
                        }
                        GeneratedField::ForgottenUntil => {
                            if forgotten_until__.is_some() {
                                return Err(serde::de::Error::duplicate_field("forgottenUntil"));
                            }
                            forgotten_until__ = map_.next_value()?;
                        }
                    }
                }
                Ok(ForgetUserResponse {
                    receipt: receipt__.unwrap_or_default(),
                    forgotten_until: forgotten_until__,
                })
            }
        }
        deserializer.deserialize_struct("larder.v1.ForgetUserResponse", FIELDS, GeneratedVisitor)
    }
}
impl serde::Serialize for RecommendRequest {
    #[allow(deprecated)]
    fn serialize<S>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error>
    where
        S: serde::Serializer,
    {
        use serde::ser::SerializeStruct;
        let mut len = 0;
        if true {
            len += 1;
        }
        if true {
            len += 1;
        }
        if true {
            len += 1;
        }
        if true {
            len += 1;
        }
        if true {
            len += 1;
        }
        if true {
            len += 1;
        }
        if true {
            len += 1;
        }
        if true {
            len += 1;
        }
        if true {
            len += 1;
        }
        if true {
            len += 1;
        }
        if true {
            len += 1;
        }
        if true {
            len += 1;
        }
        if true {
            len += 1;
        }
        if true {
            len += 1;
        }
        if true {
            len += 1;
        }
        let mut struct_ser = serializer.serialize_struct("larder.v1.RecommendRequest", len)?;
        if true {
            struct_ser.serialize_field("placement", &self.placement)?;
        }
        if let Some(v) = self.subject.as_ref() {
            struct_ser.serialize_field("subject", v)?;
        }
        if let Some(v) = self.context.as_ref() {
            struct_ser.serialize_field("context", v)?;
        }
        if true {
            struct_ser.serialize_field("seedItems", &self.seed_items)?;
        }
        if true {
            struct_ser.serialize_field("sessionEvents", &self.session_events)?;
        }
        if let Some(v) = self.page_size.as_ref() {
            struct_ser.serialize_field("pageSize", v)?;
        }
        if let Some(v) = self.page_token.as_ref() {
            struct_ser.serialize_field("pageToken", v)?;
        }
        if let Some(v) = self.filter.as_ref() {
            struct_ser.serialize_field("filter", v)?;
        }
        if true {
            struct_ser.serialize_field("filterParams", &self.filter_params)?;
        }
        if true {
            struct_ser.serialize_field("excludeItemIds", &self.exclude_item_ids)?;
        }
        if true {
            struct_ser.serialize_field("candidateItemIds", &self.candidate_item_ids)?;
        }
        if true {
            struct_ser.serialize_field("itemFields", &self.item_fields)?;
        }
        if true {
            let v = recommend_request::View::try_from(self.view)
                .map_err(|_| serde::ser::Error::custom(format!("Invalid variant {}", self.view)))?;
            struct_ser.serialize_field("view", &v)?;
        }
        if true {
            let v = recommend_request::TrafficClass::try_from(self.traffic_class)
                .map_err(|_| serde::ser::Error::custom(format!("Invalid variant {}", self.traffic_class)))?;
            struct_ser.serialize_field("trafficClass", &v)?;
        }
        if true {
            struct_ser.serialize_field("validateOnly", &self.validate_only)?;
        }
        struct_ser.end()
    }
}
impl<'de> serde::Deserialize<'de> for RecommendRequest {
    #[allow(deprecated)]
    fn deserialize<D>(deserializer: D) -> std::result::Result<Self, D::Error>
    where
        D: serde::Deserializer<'de>,
    {
        const FIELDS: &[&str] = &[
            "placement",
            "subject",
            "context",
            "seed_items",
            "seedItems",
            "session_events",
            "sessionEvents",
            "page_size",
            "pageSize",
            "page_token",
            "pageToken",
            "filter",
            "filter_params",
            "filterParams",
            "exclude_item_ids",
            "excludeItemIds",
            "candidate_item_ids",
            "candidateItemIds",
            "item_fields",
            "itemFields",
            "view",
            "traffic_class",
            "trafficClass",
            "validate_only",
            "validateOnly",
        ];

        #[allow(clippy::enum_variant_names)]
        enum GeneratedField {
            Placement,
            Subject,
            Context,
            SeedItems,
            SessionEvents,
            PageSize,
            PageToken,
            Filter,
            FilterParams,
            ExcludeItemIds,
            CandidateItemIds,
            ItemFields,
            View,
            TrafficClass,
            ValidateOnly,
        }
        impl<'de> serde::Deserialize<'de> for GeneratedField {
            fn deserialize<D>(deserializer: D) -> std::result::Result<GeneratedField, D::Error>
            where
                D: serde::Deserializer<'de>,
            {
                struct GeneratedVisitor;

                impl serde::de::Visitor<'_> for GeneratedVisitor {
                    type Value = GeneratedField;

                    fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                        write!(formatter, "expected one of: {:?}", &FIELDS)
                    }

                    #[allow(unused_variables)]
                    fn visit_str<E>(self, value: &str) -> std::result::Result<GeneratedField, E>
                    where
                        E: serde::de::Error,
                    {
                        match value {
                            "placement" => Ok(GeneratedField::Placement),
                            "subject" => Ok(GeneratedField::Subject),
                            "context" => Ok(GeneratedField::Context),
                            "seedItems" | "seed_items" => Ok(GeneratedField::SeedItems),
                            "sessionEvents" | "session_events" => Ok(GeneratedField::SessionEvents),
                            "pageSize" | "page_size" => Ok(GeneratedField::PageSize),
                            "pageToken" | "page_token" => Ok(GeneratedField::PageToken),
                            "filter" => Ok(GeneratedField::Filter),
                            "filterParams" | "filter_params" => Ok(GeneratedField::FilterParams),
                            "excludeItemIds" | "exclude_item_ids" => Ok(GeneratedField::ExcludeItemIds),
                            "candidateItemIds" | "candidate_item_ids" => Ok(GeneratedField::CandidateItemIds),
                            "itemFields" | "item_fields" => Ok(GeneratedField::ItemFields),
                            "view" => Ok(GeneratedField::View),
                            "trafficClass" | "traffic_class" => Ok(GeneratedField::TrafficClass),
                            "validateOnly" | "validate_only" => Ok(GeneratedField::ValidateOnly),
                            _ => Err(serde::de::Error::unknown_field(value, FIELDS)),
                        }
                    }
                }
                deserializer.deserialize_identifier(GeneratedVisitor)
            }
        }
        struct GeneratedVisitor;
        impl<'de> serde::de::Visitor<'de> for GeneratedVisitor {
            type Value = RecommendRequest;

            fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                formatter.write_str("struct larder.v1.RecommendRequest")
            }

            fn visit_map<V>(self, mut map_: V) -> std::result::Result<RecommendRequest, V::Error>
                where
                    V: serde::de::MapAccess<'de>,
            {
                let mut placement__ = None;
                let mut subject__ = None;
                let mut context__ = None;
                let mut seed_items__ = None;
                let mut session_events__ = None;
                let mut page_size__ = None;
                let mut page_token__ = None;
                let mut filter__ = None;
                let mut filter_params__ = None;
                let mut exclude_item_ids__ = None;
                let mut candidate_item_ids__ = None;
                let mut item_fields__ = None;
                let mut view__ = None;
                let mut traffic_class__ = None;
                let mut validate_only__ = None;
                while let Some(k) = map_.next_key()? {
                    match k {
                        GeneratedField::Placement => {
                            if placement__.is_some() {
                                return Err(serde::de::Error::duplicate_field("placement"));
                            }
                            placement__ = Some(map_.next_value()?);
                        }
                        GeneratedField::Subject => {
                            if subject__.is_some() {
                                return Err(serde::de::Error::duplicate_field("subject"));
                            }
                            subject__ = map_.next_value()?;
                        }
                        GeneratedField::Context => {
                            if context__.is_some() {
                                return Err(serde::de::Error::duplicate_field("context"));
                            }
                            context__ = map_.next_value()?;
                        }
                        GeneratedField::SeedItems => {
                            if seed_items__.is_some() {
                                return Err(serde::de::Error::duplicate_field("seedItems"));
                            }
                            seed_items__ = Some(map_.next_value()?);
                        }
                        GeneratedField::SessionEvents => {
                            if session_events__.is_some() {
                                return Err(serde::de::Error::duplicate_field("sessionEvents"));
                            }
                            session_events__ = Some(map_.next_value()?);
                        }
                        GeneratedField::PageSize => {
                            if page_size__.is_some() {
                                return Err(serde::de::Error::duplicate_field("pageSize"));
                            }
                            page_size__ = 
                                map_.next_value::<::std::option::Option<::pbjson::private::NumberDeserialize<_>>>()?.map(|x| x.0)
                            ;
                        }
                        GeneratedField::PageToken => {
                            if page_token__.is_some() {
                                return Err(serde::de::Error::duplicate_field("pageToken"));
                            }
                            page_token__ = map_.next_value()?;
                        }
                        GeneratedField::Filter => {
                            if filter__.is_some() {
                                return Err(serde::de::Error::duplicate_field("filter"));
                            }
                            filter__ = map_.next_value()?;
                        }
                        GeneratedField::FilterParams => {
                            if filter_params__.is_some() {
                                return Err(serde::de::Error::duplicate_field("filterParams"));
                            }
                            filter_params__ = Some(
                                map_.next_value::<std::collections::BTreeMap<_, _>>()?
                            );
                        }
                        GeneratedField::ExcludeItemIds => {
                            if exclude_item_ids__.is_some() {
                                return Err(serde::de::Error::duplicate_field("excludeItemIds"));
                            }
                            exclude_item_ids__ = Some(map_.next_value()?);
                        }
                        GeneratedField::CandidateItemIds => {
                            if candidate_item_ids__.is_some() {
                                return Err(serde::de::Error::duplicate_field("candidateItemIds"));
                            }
                            candidate_item_ids__ = Some(map_.next_value()?);
                        }
                        GeneratedField::ItemFields => {
                            if item_fields__.is_some() {
                                return Err(serde::de::Error::duplicate_field("itemFields"));
                            }
                            item_fields__ = Some(map_.next_value()?);
                        }
                        GeneratedField::View => {
                            if view__.is_some() {
                                return Err(serde::de::Error::duplicate_field("view"));
                            }
                            view__ = Some(map_.next_value::<recommend_request::View>()? as i32);
                        }
                        GeneratedField::TrafficClass => {
                            if traffic_class__.is_some() {
                                return Err(serde::de::Error::duplicate_field("trafficClass"));
                            }
                            traffic_class__ = Some(map_.next_value::<recommend_request::TrafficClass>()? as i32);
                        }
                        GeneratedField::ValidateOnly => {
                            if validate_only__.is_some() {
                                return Err(serde::de::Error::duplicate_field("validateOnly"));
                            }
                            validate_only__ = Some(map_.next_value()?);
                        }
                    }
                }
                Ok(RecommendRequest {
                    placement: placement__.unwrap_or_default(),
                    subject: subject__,
                    context: context__,
                    seed_items: seed_items__.unwrap_or_default(),
                    session_events: session_events__.unwrap_or_default(),
                    page_size: page_size__,
                    page_token: page_token__,
                    filter: filter__,
                    filter_params: filter_params__.unwrap_or_default(),
                    exclude_item_ids: exclude_item_ids__.unwrap_or_default(),
                    candidate_item_ids: candidate_item_ids__.unwrap_or_default(),
                    item_fields: item_fields__.unwrap_or_default(),
                    view: view__.unwrap_or_default(),
                    traffic_class: traffic_class__.unwrap_or_default(),
                    validate_only: validate_only__.unwrap_or_default(),
                })
            }
        }
        deserializer.deserialize_struct("larder.v1.RecommendRequest", FIELDS, GeneratedVisitor)
    }
}
impl serde::Serialize for recommend_request::TrafficClass {
    #[allow(deprecated)]
    fn serialize<S>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error>
    where
        S: serde::Serializer,
    {
        let variant = match self {
            Self::Unspecified => "TRAFFIC_CLASS_UNSPECIFIED",
            Self::Live => "LIVE",
            Self::Synthetic => "SYNTHETIC",
            Self::Shadow => "SHADOW",
        };
        serializer.serialize_str(variant)
    }
}
impl<'de> serde::Deserialize<'de> for recommend_request::TrafficClass {
    #[allow(deprecated)]
    fn deserialize<D>(deserializer: D) -> std::result::Result<Self, D::Error>
    where
        D: serde::Deserializer<'de>,
    {
        const FIELDS: &[&str] = &[
            "TRAFFIC_CLASS_UNSPECIFIED",
            "LIVE",
            "SYNTHETIC",
            "SHADOW",
        ];

        struct GeneratedVisitor;

        impl serde::de::Visitor<'_> for GeneratedVisitor {
            type Value = recommend_request::TrafficClass;

            fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                write!(formatter, "expected one of: {:?}", &FIELDS)
            }

            fn visit_i64<E>(self, v: i64) -> std::result::Result<Self::Value, E>
            where
                E: serde::de::Error,
            {
                i32::try_from(v)
                    .ok()
                    .and_then(|x| x.try_into().ok())
                    .ok_or_else(|| {
                        serde::de::Error::invalid_value(serde::de::Unexpected::Signed(v), &self)
                    })
            }

            fn visit_u64<E>(self, v: u64) -> std::result::Result<Self::Value, E>
            where
                E: serde::de::Error,
            {
                i32::try_from(v)
                    .ok()
                    .and_then(|x| x.try_into().ok())
                    .ok_or_else(|| {
                        serde::de::Error::invalid_value(serde::de::Unexpected::Unsigned(v), &self)
                    })
            }

            fn visit_str<E>(self, value: &str) -> std::result::Result<Self::Value, E>
            where
                E: serde::de::Error,
            {
                match value {
                    "TRAFFIC_CLASS_UNSPECIFIED" => Ok(recommend_request::TrafficClass::Unspecified),
                    "LIVE" => Ok(recommend_request::TrafficClass::Live),
                    "SYNTHETIC" => Ok(recommend_request::TrafficClass::Synthetic),
                    "SHADOW" => Ok(recommend_request::TrafficClass::Shadow),
                    _ => Err(serde::de::Error::unknown_variant(value, FIELDS)),
                }
            }
        }
        deserializer.deserialize_any(GeneratedVisitor)
    }
}
impl serde::Serialize for recommend_request::View {
    #[allow(deprecated)]
    fn serialize<S>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error>
    where
        S: serde::Serializer,
    {
        let variant = match self {
            Self::Unspecified => "VIEW_UNSPECIFIED",
            Self::Basic => "BASIC",
            Self::Standard => "STANDARD",
            Self::Debug => "DEBUG",
        };
        serializer.serialize_str(variant)
    }
}
impl<'de> serde::Deserialize<'de> for recommend_request::View {
    #[allow(deprecated)]
    fn deserialize<D>(deserializer: D) -> std::result::Result<Self, D::Error>
    where
        D: serde::Deserializer<'de>,
    {
        const FIELDS: &[&str] = &[
            "VIEW_UNSPECIFIED",
            "BASIC",
            "STANDARD",
            "DEBUG",
        ];

        struct GeneratedVisitor;

        impl serde::de::Visitor<'_> for GeneratedVisitor {
            type Value = recommend_request::View;

            fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                write!(formatter, "expected one of: {:?}", &FIELDS)
            }

            fn visit_i64<E>(self, v: i64) -> std::result::Result<Self::Value, E>
            where
                E: serde::de::Error,
            {
                i32::try_from(v)
                    .ok()
                    .and_then(|x| x.try_into().ok())
                    .ok_or_else(|| {
                        serde::de::Error::invalid_value(serde::de::Unexpected::Signed(v), &self)
                    })
            }

            fn visit_u64<E>(self, v: u64) -> std::result::Result<Self::Value, E>
            where
                E: serde::de::Error,
            {
                i32::try_from(v)
                    .ok()
                    .and_then(|x| x.try_into().ok())
                    .ok_or_else(|| {
                        serde::de::Error::invalid_value(serde::de::Unexpected::Unsigned(v), &self)
                    })
            }

            fn visit_str<E>(self, value: &str) -> std::result::Result<Self::Value, E>
            where
                E: serde::de::Error,
            {
                match value {
                    "VIEW_UNSPECIFIED" => Ok(recommend_request::View::Unspecified),
                    "BASIC" => Ok(recommend_request::View::Basic),
                    "STANDARD" => Ok(recommend_request::View::Standard),
                    "DEBUG" => Ok(recommend_request::View::Debug),
                    _ => Err(serde::de::Error::unknown_variant(value, FIELDS)),
                }
            }
        }
        deserializer.deserialize_any(GeneratedVisitor)
    }
}
impl serde::Serialize for RecommendResponse {
    #[allow(deprecated)]
    fn serialize<S>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error>
    where
        S: serde::Serializer,
    {
        use serde::ser::SerializeStruct;
        let mut len = 0;
        if true {
            len += 1;
        }
        if true {
            len += 1;
        }
        if true {
            len += 1;
        }
        if true {
            len += 1;
        }
        if true {
            len += 1;
        }
        if true {
            len += 1;
        }
        if true {
            len += 1;
        }
        if true {
            len += 1;
        }
        if true {
            len += 1;
        }
        if true {
            len += 1;
        }
        let mut struct_ser = serializer.serialize_struct("larder.v1.RecommendResponse", len)?;
        if true {
            struct_ser.serialize_field("recommendationId", &self.recommendation_id)?;
        }
        if true {
            struct_ser.serialize_field("attributionToken", &self.attribution_token)?;
        }
        if true {
            struct_ser.serialize_field("items", &self.items)?;
        }
        if let Some(v) = self.next_page_token.as_ref() {
            struct_ser.serialize_field("nextPageToken", v)?;
        }
        if let Some(v) = self.degradation.as_ref() {
            struct_ser.serialize_field("degradation", v)?;
        }
        if true {
            struct_ser.serialize_field("missingItemIds", &self.missing_item_ids)?;
        }
        if true {
            struct_ser.serialize_field("warnings", &self.warnings)?;
        }
        if let Some(v) = self.serving.as_ref() {
            struct_ser.serialize_field("serving", v)?;
        }
        if let Some(v) = self.cache.as_ref() {
            struct_ser.serialize_field("cache", v)?;
        }
        if true {
            struct_ser.serialize_field("trace", &self.trace)?;
        }
        struct_ser.end()
    }
}
impl<'de> serde::Deserialize<'de> for RecommendResponse {
    #[allow(deprecated)]
    fn deserialize<D>(deserializer: D) -> std::result::Result<Self, D::Error>
    where
        D: serde::Deserializer<'de>,
    {
        const FIELDS: &[&str] = &[
            "recommendation_id",
            "recommendationId",
            "attribution_token",
            "attributionToken",
            "items",
            "next_page_token",
            "nextPageToken",
            "degradation",
            "missing_item_ids",
            "missingItemIds",
            "warnings",
            "serving",
            "cache",
            "trace",
        ];

        #[allow(clippy::enum_variant_names)]
        enum GeneratedField {
            RecommendationId,
            AttributionToken,
            Items,
            NextPageToken,
            Degradation,
            MissingItemIds,
            Warnings,
            Serving,
            Cache,
            Trace,
        }
        impl<'de> serde::Deserialize<'de> for GeneratedField {
            fn deserialize<D>(deserializer: D) -> std::result::Result<GeneratedField, D::Error>
            where
                D: serde::Deserializer<'de>,
            {
                struct GeneratedVisitor;

                impl serde::de::Visitor<'_> for GeneratedVisitor {
                    type Value = GeneratedField;

                    fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                        write!(formatter, "expected one of: {:?}", &FIELDS)
                    }

                    #[allow(unused_variables)]
                    fn visit_str<E>(self, value: &str) -> std::result::Result<GeneratedField, E>
                    where
                        E: serde::de::Error,
                    {
                        match value {
                            "recommendationId" | "recommendation_id" => Ok(GeneratedField::RecommendationId),
                            "attributionToken" | "attribution_token" => Ok(GeneratedField::AttributionToken),
                            "items" => Ok(GeneratedField::Items),
                            "nextPageToken" | "next_page_token" => Ok(GeneratedField::NextPageToken),
                            "degradation" => Ok(GeneratedField::Degradation),
                            "missingItemIds" | "missing_item_ids" => Ok(GeneratedField::MissingItemIds),
                            "warnings" => Ok(GeneratedField::Warnings),
                            "serving" => Ok(GeneratedField::Serving),
                            "cache" => Ok(GeneratedField::Cache),
                            "trace" => Ok(GeneratedField::Trace),
                            _ => Err(serde::de::Error::unknown_field(value, FIELDS)),
                        }
                    }
                }
                deserializer.deserialize_identifier(GeneratedVisitor)
            }
        }
        struct GeneratedVisitor;
        impl<'de> serde::de::Visitor<'de> for GeneratedVisitor {
            type Value = RecommendResponse;

            fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                formatter.write_str("struct larder.v1.RecommendResponse")
            }

            fn visit_map<V>(self, mut map_: V) -> std::result::Result<RecommendResponse, V::Error>
                where
                    V: serde::de::MapAccess<'de>,
            {
                let mut recommendation_id__ = None;
                let mut attribution_token__ = None;
                let mut items__ = None;
                let mut next_page_token__ = None;
                let mut degradation__ = None;
                let mut missing_item_ids__ = None;
                let mut warnings__ = None;
                let mut serving__ = None;
                let mut cache__ = None;
                let mut trace__ = None;
                while let Some(k) = map_.next_key()? {
                    match k {
                        GeneratedField::RecommendationId => {
                            if recommendation_id__.is_some() {
                                return Err(serde::de::Error::duplicate_field("recommendationId"));
                            }
                            recommendation_id__ = Some(map_.next_value()?);
                        }
                        GeneratedField::AttributionToken => {
                            if attribution_token__.is_some() {
                                return Err(serde::de::Error::duplicate_field("attributionToken"));
                            }
                            attribution_token__ = Some(map_.next_value()?);
                        }
                        GeneratedField::Items => {
                            if items__.is_some() {
                                return Err(serde::de::Error::duplicate_field("items"));
                            }
                            items__ = Some(map_.next_value()?);
                        }
                        GeneratedField::NextPageToken => {
                            if next_page_token__.is_some() {
                                return Err(serde::de::Error::duplicate_field("nextPageToken"));
                            }
                            next_page_token__ = map_.next_value()?;
                        }
                        GeneratedField::Degradation => {
                            if degradation__.is_some() {
                                return Err(serde::de::Error::duplicate_field("degradation"));
                            }
                            degradation__ = map_.next_value()?;
                        }
                        GeneratedField::MissingItemIds => {
                            if missing_item_ids__.is_some() {
                                return Err(serde::de::Error::duplicate_field("missingItemIds"));
                            }
                            missing_item_ids__ = Some(map_.next_value()?);
                        }
                        GeneratedField::Warnings => {
                            if warnings__.is_some() {
                                return Err(serde::de::Error::duplicate_field("warnings"));
                            }
                            warnings__ = Some(map_.next_value()?);
                        }
                        GeneratedField::Serving => {
                            if serving__.is_some() {
                                return Err(serde::de::Error::duplicate_field("serving"));
                            }
                            serving__ = map_.next_value()?;
                        }
                        GeneratedField::Cache => {
                            if cache__.is_some() {
                                return Err(serde::de::Error::duplicate_field("cache"));
                            }
                            cache__ = map_.next_value()?;
                        }
                        GeneratedField::Trace => {
                            if trace__.is_some() {
                                return Err(serde::de::Error::duplicate_field("trace"));
                            }
                            trace__ = Some(map_.next_value()?);
                        }
                    }
                }
                Ok(RecommendResponse {
                    recommendation_id: recommendation_id__.unwrap_or_default(),
                    attribution_token: attribution_token__.unwrap_or_default(),
                    items: items__.unwrap_or_default(),
                    next_page_token: next_page_token__,
                    degradation: degradation__,
                    missing_item_ids: missing_item_ids__.unwrap_or_default(),
                    warnings: warnings__.unwrap_or_default(),
                    serving: serving__,
                    cache: cache__,
                    trace: trace__.unwrap_or_default(),
                })
            }
        }
        deserializer.deserialize_struct("larder.v1.RecommendResponse", FIELDS, GeneratedVisitor)
    }
}
impl serde::Serialize for RecommendedItem {
    #[allow(deprecated)]
    fn serialize<S>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error>
    where
        S: serde::Serializer,
    {
        use serde::ser::SerializeStruct;
        let mut len = 0;
        if true {
            len += 1;
        }
        if true {
            len += 1;
        }
        if true {
            len += 1;
        }
        if true {
            len += 1;
        }
        if true {
            len += 1;
        }
        let mut struct_ser = serializer.serialize_struct("larder.v1.RecommendedItem", len)?;
        if true {
            struct_ser.serialize_field("itemId", &self.item_id)?;
        }
        if true {
            struct_ser.serialize_field("rank", &self.rank)?;
        }
        if let Some(v) = self.score.as_ref() {
            struct_ser.serialize_field("score", v)?;
        }
        if let Some(v) = self.source.as_ref() {
            struct_ser.serialize_field("source", v)?;
        }
        if let Some(v) = self.properties.as_ref() {
            struct_ser.serialize_field("properties", v)?;
        }
        struct_ser.end()
    }
}
impl<'de> serde::Deserialize<'de> for RecommendedItem {
    #[allow(deprecated)]
    fn deserialize<D>(deserializer: D) -> std::result::Result<Self, D::Error>
    where
        D: serde::Deserializer<'de>,
    {
        const FIELDS: &[&str] = &[
            "item_id",
            "itemId",
            "rank",
            "score",
            "source",
            "properties",
        ];

        #[allow(clippy::enum_variant_names)]
        enum GeneratedField {
            ItemId,
            Rank,
            Score,
            Source,
            Properties,
        }
        impl<'de> serde::Deserialize<'de> for GeneratedField {
            fn deserialize<D>(deserializer: D) -> std::result::Result<GeneratedField, D::Error>
            where
                D: serde::Deserializer<'de>,
            {
                struct GeneratedVisitor;

                impl serde::de::Visitor<'_> for GeneratedVisitor {
                    type Value = GeneratedField;

                    fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                        write!(formatter, "expected one of: {:?}", &FIELDS)
                    }

                    #[allow(unused_variables)]
                    fn visit_str<E>(self, value: &str) -> std::result::Result<GeneratedField, E>
                    where
                        E: serde::de::Error,
                    {
                        match value {
                            "itemId" | "item_id" => Ok(GeneratedField::ItemId),
                            "rank" => Ok(GeneratedField::Rank),
                            "score" => Ok(GeneratedField::Score),
                            "source" => Ok(GeneratedField::Source),
                            "properties" => Ok(GeneratedField::Properties),
                            _ => Err(serde::de::Error::unknown_field(value, FIELDS)),
                        }
                    }
                }
                deserializer.deserialize_identifier(GeneratedVisitor)
            }
        }
        struct GeneratedVisitor;
        impl<'de> serde::de::Visitor<'de> for GeneratedVisitor {
            type Value = RecommendedItem;

            fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                formatter.write_str("struct larder.v1.RecommendedItem")
            }

            fn visit_map<V>(self, mut map_: V) -> std::result::Result<RecommendedItem, V::Error>
                where
                    V: serde::de::MapAccess<'de>,
            {
                let mut item_id__ = None;
                let mut rank__ = None;
                let mut score__ = None;
                let mut source__ = None;
                let mut properties__ = None;
                while let Some(k) = map_.next_key()? {
                    match k {
                        GeneratedField::ItemId => {
                            if item_id__.is_some() {
                                return Err(serde::de::Error::duplicate_field("itemId"));
                            }
                            item_id__ = Some(map_.next_value()?);
                        }
                        GeneratedField::Rank => {
                            if rank__.is_some() {
                                return Err(serde::de::Error::duplicate_field("rank"));
                            }
                            rank__ = 
                                Some(map_.next_value::<::pbjson::private::NumberDeserialize<_>>()?.0)
                            ;
                        }
                        GeneratedField::Score => {
                            if score__.is_some() {
                                return Err(serde::de::Error::duplicate_field("score"));
                            }
                            score__ = 
                                map_.next_value::<::std::option::Option<::pbjson::private::NumberDeserialize<_>>>()?.map(|x| x.0)
                            ;
                        }
                        GeneratedField::Source => {
                            if source__.is_some() {
                                return Err(serde::de::Error::duplicate_field("source"));
                            }
                            source__ = map_.next_value()?;
                        }
                        GeneratedField::Properties => {
                            if properties__.is_some() {
                                return Err(serde::de::Error::duplicate_field("properties"));
                            }
                            properties__ = map_.next_value()?;
                        }
                    }
                }
                Ok(RecommendedItem {
                    item_id: item_id__.unwrap_or_default(),
                    rank: rank__.unwrap_or_default(),
                    score: score__,
                    source: source__,
                    properties: properties__,
                })
            }
        }
        deserializer.deserialize_struct("larder.v1.RecommendedItem", FIELDS, GeneratedVisitor)
    }
}
impl serde::Serialize for RecordEventsRequest {
    #[allow(deprecated)]
    fn serialize<S>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error>
    where
        S: serde::Serializer,
    {
        use serde::ser::SerializeStruct;
        let mut len = 0;
        if true {
            len += 1;
        }
        let mut struct_ser = serializer.serialize_struct("larder.v1.RecordEventsRequest", len)?;
        if true {
            struct_ser.serialize_field("events", &self.events)?;
        }
        struct_ser.end()
    }
}
impl<'de> serde::Deserialize<'de> for RecordEventsRequest {
    #[allow(deprecated)]
    fn deserialize<D>(deserializer: D) -> std::result::Result<Self, D::Error>
    where
        D: serde::Deserializer<'de>,
    {
        const FIELDS: &[&str] = &[
            "events",
        ];

        #[allow(clippy::enum_variant_names)]
        enum GeneratedField {
            Events,
        }
        impl<'de> serde::Deserialize<'de> for GeneratedField {
            fn deserialize<D>(deserializer: D) -> std::result::Result<GeneratedField, D::Error>
            where
                D: serde::Deserializer<'de>,
            {
                struct GeneratedVisitor;

                impl serde::de::Visitor<'_> for GeneratedVisitor {
                    type Value = GeneratedField;

                    fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                        write!(formatter, "expected one of: {:?}", &FIELDS)
                    }

                    #[allow(unused_variables)]
                    fn visit_str<E>(self, value: &str) -> std::result::Result<GeneratedField, E>
                    where
                        E: serde::de::Error,
                    {
                        match value {
                            "events" => Ok(GeneratedField::Events),
                            _ => Err(serde::de::Error::unknown_field(value, FIELDS)),
                        }
                    }
                }
                deserializer.deserialize_identifier(GeneratedVisitor)
            }
        }
        struct GeneratedVisitor;
        impl<'de> serde::de::Visitor<'de> for GeneratedVisitor {
            type Value = RecordEventsRequest;

            fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                formatter.write_str("struct larder.v1.RecordEventsRequest")
            }

            fn visit_map<V>(self, mut map_: V) -> std::result::Result<RecordEventsRequest, V::Error>
                where
                    V: serde::de::MapAccess<'de>,
            {
                let mut events__ = None;
                while let Some(k) = map_.next_key()? {
                    match k {
                        GeneratedField::Events => {
                            if events__.is_some() {
                                return Err(serde::de::Error::duplicate_field("events"));
                            }
                            events__ = Some(map_.next_value()?);
                        }
                    }
                }
                Ok(RecordEventsRequest {
                    events: events__.unwrap_or_default(),
                })
            }
        }
        deserializer.deserialize_struct("larder.v1.RecordEventsRequest", FIELDS, GeneratedVisitor)
    }
}
impl serde::Serialize for RecordEventsResponse {
    #[allow(deprecated)]
    fn serialize<S>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error>
    where
        S: serde::Serializer,
    {
        use serde::ser::SerializeStruct;
        let mut len = 0;
        if true {
            len += 1;
        }
        if true {
            len += 1;
        }
        let mut struct_ser = serializer.serialize_struct("larder.v1.RecordEventsResponse", len)?;
        if true {
            struct_ser.serialize_field("results", &self.results)?;
        }
        if true {
            #[allow(clippy::needless_borrow)]
            #[allow(clippy::needless_borrows_for_generic_args)]
            struct_ser.serialize_field("liveEpoch", ToString::to_string(&self.live_epoch).as_str())?;
        }
        struct_ser.end()
    }
}
impl<'de> serde::Deserialize<'de> for RecordEventsResponse {
    #[allow(deprecated)]
    fn deserialize<D>(deserializer: D) -> std::result::Result<Self, D::Error>
    where
        D: serde::Deserializer<'de>,
    {
        const FIELDS: &[&str] = &[
            "results",
            "live_epoch",
            "liveEpoch",
        ];

        #[allow(clippy::enum_variant_names)]
        enum GeneratedField {
            Results,
            LiveEpoch,
        }
        impl<'de> serde::Deserialize<'de> for GeneratedField {
            fn deserialize<D>(deserializer: D) -> std::result::Result<GeneratedField, D::Error>
            where
                D: serde::Deserializer<'de>,
            {
                struct GeneratedVisitor;

                impl serde::de::Visitor<'_> for GeneratedVisitor {
                    type Value = GeneratedField;

                    fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                        write!(formatter, "expected one of: {:?}", &FIELDS)
                    }

                    #[allow(unused_variables)]
                    fn visit_str<E>(self, value: &str) -> std::result::Result<GeneratedField, E>
                    where
                        E: serde::de::Error,
                    {
                        match value {
                            "results" => Ok(GeneratedField::Results),
                            "liveEpoch" | "live_epoch" => Ok(GeneratedField::LiveEpoch),
                            _ => Err(serde::de::Error::unknown_field(value, FIELDS)),
                        }
                    }
                }
                deserializer.deserialize_identifier(GeneratedVisitor)
            }
        }
        struct GeneratedVisitor;
        impl<'de> serde::de::Visitor<'de> for GeneratedVisitor {
            type Value = RecordEventsResponse;

            fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                formatter.write_str("struct larder.v1.RecordEventsResponse")
            }

            fn visit_map<V>(self, mut map_: V) -> std::result::Result<RecordEventsResponse, V::Error>
                where
                    V: serde::de::MapAccess<'de>,
            {
                let mut results__ = None;
                let mut live_epoch__ = None;
                while let Some(k) = map_.next_key()? {
                    match k {
                        GeneratedField::Results => {
                            if results__.is_some() {
                                return Err(serde::de::Error::duplicate_field("results"));
                            }
                            results__ = Some(map_.next_value()?);
                        }
                        GeneratedField::LiveEpoch => {
                            if live_epoch__.is_some() {
                                return Err(serde::de::Error::duplicate_field("liveEpoch"));
                            }
                            live_epoch__ = 
                                Some(map_.next_value::<::pbjson::private::NumberDeserialize<_>>()?.0)
                            ;
                        }
                    }
                }
                Ok(RecordEventsResponse {
                    results: results__.unwrap_or_default(),
                    live_epoch: live_epoch__.unwrap_or_default(),
                })
            }
        }
        deserializer.deserialize_struct("larder.v1.RecordEventsResponse", FIELDS, GeneratedVisitor)
    }
}
impl serde::Serialize for SeedItem {
    #[allow(deprecated)]
    fn serialize<S>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error>
    where
        S: serde::Serializer,
    {
        use serde::ser::SerializeStruct;
        let mut len = 0;
        if true {
            len += 1;
        }
        if true {
            len += 1;
        }
        if true {
            len += 1;
        }
        let mut struct_ser = serializer.serialize_struct("larder.v1.SeedItem", len)?;
        if true {
            struct_ser.serialize_field("itemId", &self.item_id)?;
        }
        if true {
            let v = seed_item::Role::try_from(self.role)
                .map_err(|_| serde::ser::Error::custom(format!("Invalid variant {}", self.role)))?;
            struct_ser.serialize_field("role", &v)?;
        }
        if let Some(v) = self.weight.as_ref() {
            struct_ser.serialize_field("weight", v)?;
        }
        struct_ser.end()
    }
}
impl<'de> serde::Deserialize<'de> for SeedItem {
    #[allow(deprecated)]
    fn deserialize<D>(deserializer: D) -> std::result::Result<Self, D::Error>
    where
        D: serde::Deserializer<'de>,
    {
        const FIELDS: &[&str] = &[
            "item_id",
            "itemId",
            "role",
            "weight",
        ];

        #[allow(clippy::enum_variant_names)]
        enum GeneratedField {
            ItemId,
            Role,
            Weight,
        }
        impl<'de> serde::Deserialize<'de> for GeneratedField {
            fn deserialize<D>(deserializer: D) -> std::result::Result<GeneratedField, D::Error>
            where
                D: serde::Deserializer<'de>,
            {
                struct GeneratedVisitor;

                impl serde::de::Visitor<'_> for GeneratedVisitor {
                    type Value = GeneratedField;

                    fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                        write!(formatter, "expected one of: {:?}", &FIELDS)
                    }

                    #[allow(unused_variables)]
                    fn visit_str<E>(self, value: &str) -> std::result::Result<GeneratedField, E>
                    where
                        E: serde::de::Error,
                    {
                        match value {
                            "itemId" | "item_id" => Ok(GeneratedField::ItemId),
                            "role" => Ok(GeneratedField::Role),
                            "weight" => Ok(GeneratedField::Weight),
                            _ => Err(serde::de::Error::unknown_field(value, FIELDS)),
                        }
                    }
                }
                deserializer.deserialize_identifier(GeneratedVisitor)
            }
        }
        struct GeneratedVisitor;
        impl<'de> serde::de::Visitor<'de> for GeneratedVisitor {
            type Value = SeedItem;

            fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                formatter.write_str("struct larder.v1.SeedItem")
            }

            fn visit_map<V>(self, mut map_: V) -> std::result::Result<SeedItem, V::Error>
                where
                    V: serde::de::MapAccess<'de>,
            {
                let mut item_id__ = None;
                let mut role__ = None;
                let mut weight__ = None;
                while let Some(k) = map_.next_key()? {
                    match k {
                        GeneratedField::ItemId => {
                            if item_id__.is_some() {
                                return Err(serde::de::Error::duplicate_field("itemId"));
                            }
                            item_id__ = Some(map_.next_value()?);
                        }
                        GeneratedField::Role => {
                            if role__.is_some() {
                                return Err(serde::de::Error::duplicate_field("role"));
                            }
                            role__ = Some(map_.next_value::<seed_item::Role>()? as i32);
                        }
                        GeneratedField::Weight => {
                            if weight__.is_some() {
                                return Err(serde::de::Error::duplicate_field("weight"));
                            }
                            weight__ = 
                                map_.next_value::<::std::option::Option<::pbjson::private::NumberDeserialize<_>>>()?.map(|x| x.0)
                            ;
                        }
                    }
                }
                Ok(SeedItem {
                    item_id: item_id__.unwrap_or_default(),
                    role: role__.unwrap_or_default(),
                    weight: weight__,
                })
            }
        }
        deserializer.deserialize_struct("larder.v1.SeedItem", FIELDS, GeneratedVisitor)
    }
}
impl serde::Serialize for seed_item::Role {
    #[allow(deprecated)]
    fn serialize<S>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error>
    where
        S: serde::Serializer,
    {
        let variant = match self {
            Self::Unspecified => "ROLE_UNSPECIFIED",
            Self::Viewing => "VIEWING",
            Self::InCart => "IN_CART",
            Self::Purchased => "PURCHASED",
            Self::Liked => "LIKED",
            Self::Disliked => "DISLIKED",
        };
        serializer.serialize_str(variant)
    }
}
impl<'de> serde::Deserialize<'de> for seed_item::Role {
    #[allow(deprecated)]
    fn deserialize<D>(deserializer: D) -> std::result::Result<Self, D::Error>
    where
        D: serde::Deserializer<'de>,
    {
        const FIELDS: &[&str] = &[
            "ROLE_UNSPECIFIED",
            "VIEWING",
            "IN_CART",
            "PURCHASED",
            "LIKED",
            "DISLIKED",
        ];

        struct GeneratedVisitor;

        impl serde::de::Visitor<'_> for GeneratedVisitor {
            type Value = seed_item::Role;

            fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                write!(formatter, "expected one of: {:?}", &FIELDS)
            }

            fn visit_i64<E>(self, v: i64) -> std::result::Result<Self::Value, E>
            where
                E: serde::de::Error,
            {
                i32::try_from(v)
                    .ok()
                    .and_then(|x| x.try_into().ok())
                    .ok_or_else(|| {
                        serde::de::Error::invalid_value(serde::de::Unexpected::Signed(v), &self)
                    })
            }

            fn visit_u64<E>(self, v: u64) -> std::result::Result<Self::Value, E>
            where
                E: serde::de::Error,
            {
                i32::try_from(v)
                    .ok()
                    .and_then(|x| x.try_into().ok())
                    .ok_or_else(|| {
                        serde::de::Error::invalid_value(serde::de::Unexpected::Unsigned(v), &self)
                    })
            }

            fn visit_str<E>(self, value: &str) -> std::result::Result<Self::Value, E>
            where
                E: serde::de::Error,
            {
                match value {
                    "ROLE_UNSPECIFIED" => Ok(seed_item::Role::Unspecified),
                    "VIEWING" => Ok(seed_item::Role::Viewing),
                    "IN_CART" => Ok(seed_item::Role::InCart),
                    "PURCHASED" => Ok(seed_item::Role::Purchased),
                    "LIKED" => Ok(seed_item::Role::Liked),
                    "DISLIKED" => Ok(seed_item::Role::Disliked),
                    _ => Err(serde::de::Error::unknown_variant(value, FIELDS)),
                }
            }
        }
        deserializer.deserialize_any(GeneratedVisitor)
    }
}
impl serde::Serialize for Serving {
    #[allow(deprecated)]
    fn serialize<S>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error>
    where
        S: serde::Serializer,
    {
        use serde::ser::SerializeStruct;
        let mut len = 0;
        if true {
            len += 1;
        }
        if true {
            len += 1;
        }
        if true {
            len += 1;
        }
        if true {
            len += 1;
        }
        if true {
            len += 1;
        }
        let mut struct_ser = serializer.serialize_struct("larder.v1.Serving", len)?;
        if true {
            struct_ser.serialize_field("snapshotVersion", &self.snapshot_version)?;
        }
        if let Some(v) = self.data_age.as_ref() {
            struct_ser.serialize_field("dataAge", v)?;
        }
        if true {
            struct_ser.serialize_field("serverTimeUs", &self.server_time_us)?;
        }
        if true {
            struct_ser.serialize_field("rulesVersion", &self.rules_version)?;
        }
        if true {
            #[allow(clippy::needless_borrow)]
            #[allow(clippy::needless_borrows_for_generic_args)]
            struct_ser.serialize_field("liveEpoch", ToString::to_string(&self.live_epoch).as_str())?;
        }
        struct_ser.end()
    }
}
impl<'de> serde::Deserialize<'de> for Serving {
    #[allow(deprecated)]
    fn deserialize<D>(deserializer: D) -> std::result::Result<Self, D::Error>
    where
        D: serde::Deserializer<'de>,
    {
        const FIELDS: &[&str] = &[
            "snapshot_version",
            "snapshotVersion",
            "data_age",
            "dataAge",
            "server_time_us",
            "serverTimeUs",
            "rules_version",
            "rulesVersion",
            "live_epoch",
            "liveEpoch",
        ];

        #[allow(clippy::enum_variant_names)]
        enum GeneratedField {
            SnapshotVersion,
            DataAge,
            ServerTimeUs,
            RulesVersion,
            LiveEpoch,
        }
        impl<'de> serde::Deserialize<'de> for GeneratedField {
            fn deserialize<D>(deserializer: D) -> std::result::Result<GeneratedField, D::Error>
            where
                D: serde::Deserializer<'de>,
            {
                struct GeneratedVisitor;

                impl serde::de::Visitor<'_> for GeneratedVisitor {
                    type Value = GeneratedField;

                    fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                        write!(formatter, "expected one of: {:?}", &FIELDS)
                    }

                    #[allow(unused_variables)]
                    fn visit_str<E>(self, value: &str) -> std::result::Result<GeneratedField, E>
                    where
                        E: serde::de::Error,
                    {
                        match value {
                            "snapshotVersion" | "snapshot_version" => Ok(GeneratedField::SnapshotVersion),
                            "dataAge" | "data_age" => Ok(GeneratedField::DataAge),
                            "serverTimeUs" | "server_time_us" => Ok(GeneratedField::ServerTimeUs),
                            "rulesVersion" | "rules_version" => Ok(GeneratedField::RulesVersion),
                            "liveEpoch" | "live_epoch" => Ok(GeneratedField::LiveEpoch),
                            _ => Err(serde::de::Error::unknown_field(value, FIELDS)),
                        }
                    }
                }
                deserializer.deserialize_identifier(GeneratedVisitor)
            }
        }
        struct GeneratedVisitor;
        impl<'de> serde::de::Visitor<'de> for GeneratedVisitor {
            type Value = Serving;

            fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                formatter.write_str("struct larder.v1.Serving")
            }

            fn visit_map<V>(self, mut map_: V) -> std::result::Result<Serving, V::Error>
                where
                    V: serde::de::MapAccess<'de>,
            {
                let mut snapshot_version__ = None;
                let mut data_age__ = None;
                let mut server_time_us__ = None;
                let mut rules_version__ = None;
                let mut live_epoch__ = None;
                while let Some(k) = map_.next_key()? {
                    match k {
                        GeneratedField::SnapshotVersion => {
                            if snapshot_version__.is_some() {
                                return Err(serde::de::Error::duplicate_field("snapshotVersion"));
                            }
                            snapshot_version__ = Some(map_.next_value()?);
                        }
                        GeneratedField::DataAge => {
                            if data_age__.is_some() {
                                return Err(serde::de::Error::duplicate_field("dataAge"));
                            }
                            data_age__ = map_.next_value()?;
                        }
                        GeneratedField::ServerTimeUs => {
                            if server_time_us__.is_some() {
                                return Err(serde::de::Error::duplicate_field("serverTimeUs"));
                            }
                            server_time_us__ = 
                                Some(map_.next_value::<::pbjson::private::NumberDeserialize<_>>()?.0)
                            ;
                        }
                        GeneratedField::RulesVersion => {
                            if rules_version__.is_some() {
                                return Err(serde::de::Error::duplicate_field("rulesVersion"));
                            }
                            rules_version__ = Some(map_.next_value()?);
                        }
                        GeneratedField::LiveEpoch => {
                            if live_epoch__.is_some() {
                                return Err(serde::de::Error::duplicate_field("liveEpoch"));
                            }
                            live_epoch__ = 
                                Some(map_.next_value::<::pbjson::private::NumberDeserialize<_>>()?.0)
                            ;
                        }
                    }
                }
                Ok(Serving {
                    snapshot_version: snapshot_version__.unwrap_or_default(),
                    data_age: data_age__,
                    server_time_us: server_time_us__.unwrap_or_default(),
                    rules_version: rules_version__.unwrap_or_default(),
                    live_epoch: live_epoch__.unwrap_or_default(),
                })
            }
        }
        deserializer.deserialize_struct("larder.v1.Serving", FIELDS, GeneratedVisitor)
    }
}
impl serde::Serialize for SessionEvent {
    #[allow(deprecated)]
    fn serialize<S>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error>
    where
        S: serde::Serializer,
    {
        use serde::ser::SerializeStruct;
        let mut len = 0;
        if true {
            len += 1;
        }
        if true {
            len += 1;
        }
        if true {
            len += 1;
        }
        let mut struct_ser = serializer.serialize_struct("larder.v1.SessionEvent", len)?;
        if true {
            struct_ser.serialize_field("itemId", &self.item_id)?;
        }
        if let Some(v) = self.event_type.as_ref() {
            struct_ser.serialize_field("eventType", v)?;
        }
        if let Some(v) = self.event_time.as_ref() {
            struct_ser.serialize_field("eventTime", v)?;
        }
        struct_ser.end()
    }
}
impl<'de> serde::Deserialize<'de> for SessionEvent {
    #[allow(deprecated)]
    fn deserialize<D>(deserializer: D) -> std::result::Result<Self, D::Error>
    where
        D: serde::Deserializer<'de>,
    {
        const FIELDS: &[&str] = &[
            "item_id",
            "itemId",
            "event_type",
            "eventType",
            "event_time",
            "eventTime",
        ];

        #[allow(clippy::enum_variant_names)]
        enum GeneratedField {
            ItemId,
            EventType,
            EventTime,
        }
        impl<'de> serde::Deserialize<'de> for GeneratedField {
            fn deserialize<D>(deserializer: D) -> std::result::Result<GeneratedField, D::Error>
            where
                D: serde::Deserializer<'de>,
            {
                struct GeneratedVisitor;

                impl serde::de::Visitor<'_> for GeneratedVisitor {
                    type Value = GeneratedField;

                    fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                        write!(formatter, "expected one of: {:?}", &FIELDS)
                    }

                    #[allow(unused_variables)]
                    fn visit_str<E>(self, value: &str) -> std::result::Result<GeneratedField, E>
                    where
                        E: serde::de::Error,
                    {
                        match value {
                            "itemId" | "item_id" => Ok(GeneratedField::ItemId),
                            "eventType" | "event_type" => Ok(GeneratedField::EventType),
                            "eventTime" | "event_time" => Ok(GeneratedField::EventTime),
                            _ => Err(serde::de::Error::unknown_field(value, FIELDS)),
                        }
                    }
                }
                deserializer.deserialize_identifier(GeneratedVisitor)
            }
        }
        struct GeneratedVisitor;
        impl<'de> serde::de::Visitor<'de> for GeneratedVisitor {
            type Value = SessionEvent;

            fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                formatter.write_str("struct larder.v1.SessionEvent")
            }

            fn visit_map<V>(self, mut map_: V) -> std::result::Result<SessionEvent, V::Error>
                where
                    V: serde::de::MapAccess<'de>,
            {
                let mut item_id__ = None;
                let mut event_type__ = None;
                let mut event_time__ = None;
                while let Some(k) = map_.next_key()? {
                    match k {
                        GeneratedField::ItemId => {
                            if item_id__.is_some() {
                                return Err(serde::de::Error::duplicate_field("itemId"));
                            }
                            item_id__ = Some(map_.next_value()?);
                        }
                        GeneratedField::EventType => {
                            if event_type__.is_some() {
                                return Err(serde::de::Error::duplicate_field("eventType"));
                            }
                            event_type__ = map_.next_value()?;
                        }
                        GeneratedField::EventTime => {
                            if event_time__.is_some() {
                                return Err(serde::de::Error::duplicate_field("eventTime"));
                            }
                            event_time__ = map_.next_value()?;
                        }
                    }
                }
                Ok(SessionEvent {
                    item_id: item_id__.unwrap_or_default(),
                    event_type: event_type__,
                    event_time: event_time__,
                })
            }
        }
        deserializer.deserialize_struct("larder.v1.SessionEvent", FIELDS, GeneratedVisitor)
    }
}
impl serde::Serialize for SlotError {
    #[allow(deprecated)]
    fn serialize<S>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error>
    where
        S: serde::Serializer,
    {
        use serde::ser::SerializeStruct;
        let mut len = 0;
        if true {
            len += 1;
        }
        if true {
            len += 1;
        }
        if true {
            len += 1;
        }
        let mut struct_ser = serializer.serialize_struct("larder.v1.SlotError", len)?;
        if true {
            struct_ser.serialize_field("code", &self.code)?;
        }
        if true {
            struct_ser.serialize_field("message", &self.message)?;
        }
        if let Some(v) = self.field.as_ref() {
            struct_ser.serialize_field("field", v)?;
        }
        struct_ser.end()
    }
}
impl<'de> serde::Deserialize<'de> for SlotError {
    #[allow(deprecated)]
    fn deserialize<D>(deserializer: D) -> std::result::Result<Self, D::Error>
    where
        D: serde::Deserializer<'de>,
    {
        const FIELDS: &[&str] = &[
            "code",
            "message",
            "field",
        ];

        #[allow(clippy::enum_variant_names)]
        enum GeneratedField {
            Code,
            Message,
            Field,
        }
        impl<'de> serde::Deserialize<'de> for GeneratedField {
            fn deserialize<D>(deserializer: D) -> std::result::Result<GeneratedField, D::Error>
            where
                D: serde::Deserializer<'de>,
            {
                struct GeneratedVisitor;

                impl serde::de::Visitor<'_> for GeneratedVisitor {
                    type Value = GeneratedField;

                    fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                        write!(formatter, "expected one of: {:?}", &FIELDS)
                    }

                    #[allow(unused_variables)]
                    fn visit_str<E>(self, value: &str) -> std::result::Result<GeneratedField, E>
                    where
                        E: serde::de::Error,
                    {
                        match value {
                            "code" => Ok(GeneratedField::Code),
                            "message" => Ok(GeneratedField::Message),
                            "field" => Ok(GeneratedField::Field),
                            _ => Err(serde::de::Error::unknown_field(value, FIELDS)),
                        }
                    }
                }
                deserializer.deserialize_identifier(GeneratedVisitor)
            }
        }
        struct GeneratedVisitor;
        impl<'de> serde::de::Visitor<'de> for GeneratedVisitor {
            type Value = SlotError;

            fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                formatter.write_str("struct larder.v1.SlotError")
            }

            fn visit_map<V>(self, mut map_: V) -> std::result::Result<SlotError, V::Error>
                where
                    V: serde::de::MapAccess<'de>,
            {
                let mut code__ = None;
                let mut message__ = None;
                let mut field__ = None;
                while let Some(k) = map_.next_key()? {
                    match k {
                        GeneratedField::Code => {
                            if code__.is_some() {
                                return Err(serde::de::Error::duplicate_field("code"));
                            }
                            code__ = 
                                Some(map_.next_value::<::pbjson::private::NumberDeserialize<_>>()?.0)
                            ;
                        }
                        GeneratedField::Message => {
                            if message__.is_some() {
                                return Err(serde::de::Error::duplicate_field("message"));
                            }
                            message__ = Some(map_.next_value()?);
                        }
                        GeneratedField::Field => {
                            if field__.is_some() {
                                return Err(serde::de::Error::duplicate_field("field"));
                            }
                            field__ = map_.next_value()?;
                        }
                    }
                }
                Ok(SlotError {
                    code: code__.unwrap_or_default(),
                    message: message__.unwrap_or_default(),
                    field: field__,
                })
            }
        }
        deserializer.deserialize_struct("larder.v1.SlotError", FIELDS, GeneratedVisitor)
    }
}
impl serde::Serialize for SlotResult {
    #[allow(deprecated)]
    fn serialize<S>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error>
    where
        S: serde::Serializer,
    {
        use serde::ser::SerializeStruct;
        let mut len = 0;
        if true {
            len += 1;
        }
        if self.result.is_some() {
            len += 1;
        }
        let mut struct_ser = serializer.serialize_struct("larder.v1.SlotResult", len)?;
        if true {
            struct_ser.serialize_field("slotId", &self.slot_id)?;
        }
        if let Some(v) = self.result.as_ref() {
            match v {
                slot_result::Result::Response(v) => {
                    struct_ser.serialize_field("response", v)?;
                }
                slot_result::Result::Error(v) => {
                    struct_ser.serialize_field("error", v)?;
                }
            }
        }
        struct_ser.end()
    }
}
impl<'de> serde::Deserialize<'de> for SlotResult {
    #[allow(deprecated)]
    fn deserialize<D>(deserializer: D) -> std::result::Result<Self, D::Error>
    where
        D: serde::Deserializer<'de>,
    {
        const FIELDS: &[&str] = &[
            "slot_id",
            "slotId",
            "response",
            "error",
        ];

        #[allow(clippy::enum_variant_names)]
        enum GeneratedField {
            SlotId,
            Response,
            Error,
        }
        impl<'de> serde::Deserialize<'de> for GeneratedField {
            fn deserialize<D>(deserializer: D) -> std::result::Result<GeneratedField, D::Error>
            where
                D: serde::Deserializer<'de>,
            {
                struct GeneratedVisitor;

                impl serde::de::Visitor<'_> for GeneratedVisitor {
                    type Value = GeneratedField;

                    fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                        write!(formatter, "expected one of: {:?}", &FIELDS)
                    }

                    #[allow(unused_variables)]
                    fn visit_str<E>(self, value: &str) -> std::result::Result<GeneratedField, E>
                    where
                        E: serde::de::Error,
                    {
                        match value {
                            "slotId" | "slot_id" => Ok(GeneratedField::SlotId),
                            "response" => Ok(GeneratedField::Response),
                            "error" => Ok(GeneratedField::Error),
                            _ => Err(serde::de::Error::unknown_field(value, FIELDS)),
                        }
                    }
                }
                deserializer.deserialize_identifier(GeneratedVisitor)
            }
        }
        struct GeneratedVisitor;
        impl<'de> serde::de::Visitor<'de> for GeneratedVisitor {
            type Value = SlotResult;

            fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                formatter.write_str("struct larder.v1.SlotResult")
            }

            fn visit_map<V>(self, mut map_: V) -> std::result::Result<SlotResult, V::Error>
                where
                    V: serde::de::MapAccess<'de>,
            {
                let mut slot_id__ = None;
                let mut result__ = None;
                while let Some(k) = map_.next_key()? {
                    match k {
                        GeneratedField::SlotId => {
                            if slot_id__.is_some() {
                                return Err(serde::de::Error::duplicate_field("slotId"));
                            }
                            slot_id__ = Some(map_.next_value()?);
                        }
                        GeneratedField::Response => {
                            if result__.is_some() {
                                return Err(serde::de::Error::duplicate_field("response"));
                            }
                            result__ = map_.next_value::<::std::option::Option<_>>()?.map(slot_result::Result::Response)
;
                        }
                        GeneratedField::Error => {
                            if result__.is_some() {
                                return Err(serde::de::Error::duplicate_field("error"));
                            }
                            result__ = map_.next_value::<::std::option::Option<_>>()?.map(slot_result::Result::Error)
;
                        }
                    }
                }
                Ok(SlotResult {
                    slot_id: slot_id__.unwrap_or_default(),
                    result: result__,
                })
            }
        }
        deserializer.deserialize_struct("larder.v1.SlotResult", FIELDS, GeneratedVisitor)
    }
}
impl serde::Serialize for StageTrace {
    #[allow(deprecated)]
    fn serialize<S>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error>
    where
        S: serde::Serializer,
    {
        use serde::ser::SerializeStruct;
        let mut len = 0;
        if true {
            len += 1;
        }
        if true {
            len += 1;
        }
        if true {
            len += 1;
        }
        let mut struct_ser = serializer.serialize_struct("larder.v1.StageTrace", len)?;
        if true {
            struct_ser.serialize_field("stage", &self.stage)?;
        }
        if true {
            struct_ser.serialize_field("candidates", &self.candidates)?;
        }
        if true {
            struct_ser.serialize_field("tookUs", &self.took_us)?;
        }
        struct_ser.end()
    }
}
impl<'de> serde::Deserialize<'de> for StageTrace {
    #[allow(deprecated)]
    fn deserialize<D>(deserializer: D) -> std::result::Result<Self, D::Error>
    where
        D: serde::Deserializer<'de>,
    {
        const FIELDS: &[&str] = &[
            "stage",
            "candidates",
            "took_us",
            "tookUs",
        ];

        #[allow(clippy::enum_variant_names)]
        enum GeneratedField {
            Stage,
            Candidates,
            TookUs,
        }
        impl<'de> serde::Deserialize<'de> for GeneratedField {
            fn deserialize<D>(deserializer: D) -> std::result::Result<GeneratedField, D::Error>
            where
                D: serde::Deserializer<'de>,
            {
                struct GeneratedVisitor;

                impl serde::de::Visitor<'_> for GeneratedVisitor {
                    type Value = GeneratedField;

                    fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                        write!(formatter, "expected one of: {:?}", &FIELDS)
                    }

                    #[allow(unused_variables)]
                    fn visit_str<E>(self, value: &str) -> std::result::Result<GeneratedField, E>
                    where
                        E: serde::de::Error,
                    {
                        match value {
                            "stage" => Ok(GeneratedField::Stage),
                            "candidates" => Ok(GeneratedField::Candidates),
                            "tookUs" | "took_us" => Ok(GeneratedField::TookUs),
                            _ => Err(serde::de::Error::unknown_field(value, FIELDS)),
                        }
                    }
                }
                deserializer.deserialize_identifier(GeneratedVisitor)
            }
        }
        struct GeneratedVisitor;
        impl<'de> serde::de::Visitor<'de> for GeneratedVisitor {
            type Value = StageTrace;

            fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                formatter.write_str("struct larder.v1.StageTrace")
            }

            fn visit_map<V>(self, mut map_: V) -> std::result::Result<StageTrace, V::Error>
                where
                    V: serde::de::MapAccess<'de>,
            {
                let mut stage__ = None;
                let mut candidates__ = None;
                let mut took_us__ = None;
                while let Some(k) = map_.next_key()? {
                    match k {
                        GeneratedField::Stage => {
                            if stage__.is_some() {
                                return Err(serde::de::Error::duplicate_field("stage"));
                            }
                            stage__ = Some(map_.next_value()?);
                        }
                        GeneratedField::Candidates => {
                            if candidates__.is_some() {
                                return Err(serde::de::Error::duplicate_field("candidates"));
                            }
                            candidates__ = 
                                Some(map_.next_value::<::pbjson::private::NumberDeserialize<_>>()?.0)
                            ;
                        }
                        GeneratedField::TookUs => {
                            if took_us__.is_some() {
                                return Err(serde::de::Error::duplicate_field("tookUs"));
                            }
                            took_us__ = 
                                Some(map_.next_value::<::pbjson::private::NumberDeserialize<_>>()?.0)
                            ;
                        }
                    }
                }
                Ok(StageTrace {
                    stage: stage__.unwrap_or_default(),
                    candidates: candidates__.unwrap_or_default(),
                    took_us: took_us__.unwrap_or_default(),
                })
            }
        }
        deserializer.deserialize_struct("larder.v1.StageTrace", FIELDS, GeneratedVisitor)
    }
}
impl serde::Serialize for Subject {
    #[allow(deprecated)]
    fn serialize<S>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error>
    where
        S: serde::Serializer,
    {
        use serde::ser::SerializeStruct;
        let mut len = 0;
        if true {
            len += 1;
        }
        if true {
            len += 1;
        }
        if true {
            len += 1;
        }
        if true {
            len += 1;
        }
        let mut struct_ser = serializer.serialize_struct("larder.v1.Subject", len)?;
        if let Some(v) = self.user_id.as_ref() {
            struct_ser.serialize_field("userId", v)?;
        }
        if let Some(v) = self.visitor_id.as_ref() {
            struct_ser.serialize_field("visitorId", v)?;
        }
        if let Some(v) = self.session_id.as_ref() {
            struct_ser.serialize_field("sessionId", v)?;
        }
        if true {
            let v = subject::Consent::try_from(self.consent)
                .map_err(|_| serde::ser::Error::custom(format!("Invalid variant {}", self.consent)))?;
            struct_ser.serialize_field("consent", &v)?;
        }
        struct_ser.end()
    }
}
impl<'de> serde::Deserialize<'de> for Subject {
    #[allow(deprecated)]
    fn deserialize<D>(deserializer: D) -> std::result::Result<Self, D::Error>
    where
        D: serde::Deserializer<'de>,
    {
        const FIELDS: &[&str] = &[
            "user_id",
            "userId",
            "visitor_id",
            "visitorId",
            "session_id",
            "sessionId",
            "consent",
        ];

        #[allow(clippy::enum_variant_names)]
        enum GeneratedField {
            UserId,
            VisitorId,
            SessionId,
            Consent,
        }
        impl<'de> serde::Deserialize<'de> for GeneratedField {
            fn deserialize<D>(deserializer: D) -> std::result::Result<GeneratedField, D::Error>
            where
                D: serde::Deserializer<'de>,
            {
                struct GeneratedVisitor;

                impl serde::de::Visitor<'_> for GeneratedVisitor {
                    type Value = GeneratedField;

                    fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                        write!(formatter, "expected one of: {:?}", &FIELDS)
                    }

                    #[allow(unused_variables)]
                    fn visit_str<E>(self, value: &str) -> std::result::Result<GeneratedField, E>
                    where
                        E: serde::de::Error,
                    {
                        match value {
                            "userId" | "user_id" => Ok(GeneratedField::UserId),
                            "visitorId" | "visitor_id" => Ok(GeneratedField::VisitorId),
                            "sessionId" | "session_id" => Ok(GeneratedField::SessionId),
                            "consent" => Ok(GeneratedField::Consent),
                            _ => Err(serde::de::Error::unknown_field(value, FIELDS)),
                        }
                    }
                }
                deserializer.deserialize_identifier(GeneratedVisitor)
            }
        }
        struct GeneratedVisitor;
        impl<'de> serde::de::Visitor<'de> for GeneratedVisitor {
            type Value = Subject;

            fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                formatter.write_str("struct larder.v1.Subject")
            }

            fn visit_map<V>(self, mut map_: V) -> std::result::Result<Subject, V::Error>
                where
                    V: serde::de::MapAccess<'de>,
            {
                let mut user_id__ = None;
                let mut visitor_id__ = None;
                let mut session_id__ = None;
                let mut consent__ = None;
                while let Some(k) = map_.next_key()? {
                    match k {
                        GeneratedField::UserId => {
                            if user_id__.is_some() {
                                return Err(serde::de::Error::duplicate_field("userId"));
                            }
                            user_id__ = map_.next_value()?;
                        }
                        GeneratedField::VisitorId => {
                            if visitor_id__.is_some() {
                                return Err(serde::de::Error::duplicate_field("visitorId"));
                            }
                            visitor_id__ = map_.next_value()?;
                        }
                        GeneratedField::SessionId => {
                            if session_id__.is_some() {
                                return Err(serde::de::Error::duplicate_field("sessionId"));
                            }
                            session_id__ = map_.next_value()?;
                        }
                        GeneratedField::Consent => {
                            if consent__.is_some() {
                                return Err(serde::de::Error::duplicate_field("consent"));
                            }
                            consent__ = Some(map_.next_value::<subject::Consent>()? as i32);
                        }
                    }
                }
                Ok(Subject {
                    user_id: user_id__,
                    visitor_id: visitor_id__,
                    session_id: session_id__,
                    consent: consent__.unwrap_or_default(),
                })
            }
        }
        deserializer.deserialize_struct("larder.v1.Subject", FIELDS, GeneratedVisitor)
    }
}
impl serde::Serialize for subject::Consent {
    #[allow(deprecated)]
    fn serialize<S>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error>
    where
        S: serde::Serializer,
    {
        let variant = match self {
            Self::Unspecified => "CONSENT_UNSPECIFIED",
            Self::Granted => "GRANTED",
            Self::Denied => "DENIED",
        };
        serializer.serialize_str(variant)
    }
}
impl<'de> serde::Deserialize<'de> for subject::Consent {
    #[allow(deprecated)]
    fn deserialize<D>(deserializer: D) -> std::result::Result<Self, D::Error>
    where
        D: serde::Deserializer<'de>,
    {
        const FIELDS: &[&str] = &[
            "CONSENT_UNSPECIFIED",
            "GRANTED",
            "DENIED",
        ];

        struct GeneratedVisitor;

        impl serde::de::Visitor<'_> for GeneratedVisitor {
            type Value = subject::Consent;

            fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                write!(formatter, "expected one of: {:?}", &FIELDS)
            }

            fn visit_i64<E>(self, v: i64) -> std::result::Result<Self::Value, E>
            where
                E: serde::de::Error,
            {
                i32::try_from(v)
                    .ok()
                    .and_then(|x| x.try_into().ok())
                    .ok_or_else(|| {
                        serde::de::Error::invalid_value(serde::de::Unexpected::Signed(v), &self)
                    })
            }

            fn visit_u64<E>(self, v: u64) -> std::result::Result<Self::Value, E>
            where
                E: serde::de::Error,
            {
                i32::try_from(v)
                    .ok()
                    .and_then(|x| x.try_into().ok())
                    .ok_or_else(|| {
                        serde::de::Error::invalid_value(serde::de::Unexpected::Unsigned(v), &self)
                    })
            }

            fn visit_str<E>(self, value: &str) -> std::result::Result<Self::Value, E>
            where
                E: serde::de::Error,
            {
                match value {
                    "CONSENT_UNSPECIFIED" => Ok(subject::Consent::Unspecified),
                    "GRANTED" => Ok(subject::Consent::Granted),
                    "DENIED" => Ok(subject::Consent::Denied),
                    _ => Err(serde::de::Error::unknown_variant(value, FIELDS)),
                }
            }
        }
        deserializer.deserialize_any(GeneratedVisitor)
    }
}
